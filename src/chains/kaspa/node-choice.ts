/**
 * Which of several nodes gives the templates. Pure.
 *
 * In flows what is known of each node; out flows a name. It must never flap: switching costs every miner its current work, so
 * the node that has the role keeps it while it is good enough, and one that lost it rests before it may have it again.
 *
 *   has the role --- not usable | behind its peers | silent ---> another healthy node, if there is one
 *        ^                                                             |
 *        '---- only when that one loses it, and the rest is over ------'
 */

export interface NodeView {
  readonly name: string;
  /** Connected, of our network, and synced. */
  readonly usable: boolean;
  readonly virtualDaaScore: bigint;
  /** Monotonic ms; 0 = never. */
  readonly lastTemplateAtMs: number;
  /** Monotonic ms; 0 = never had it. */
  readonly lostRoleAtMs: number;
}

export interface ChoiceRules {
  /** Behind the best peer by more than this is too old. */
  readonly daaLagMax: bigint;
  readonly templateSilenceMs: number;
  readonly restAfterLossMs: number;
}

export const DEFAULT_CHOICE_RULES: ChoiceRules = {
  // 3 s at ten blocks a second; all nodes are asked for their score at the same moment, once a second.
  daaLagMax: 30n,
  // The node is asked at least twice a second, so 2 s are four answers that did not come.
  templateSilenceMs: 2_000,
  restAfterLossMs: 5_000,
};

export interface Role {
  readonly name: string;
  readonly sinceMs: number;
}

export interface Choice {
  /** undefined when no node is usable. */
  readonly name: string | undefined;
  /** Why the one before lost it; '' when nothing changed. */
  readonly reason: string;
}

/** `views` in the order of the configuration: the first healthy one is preferred. */
export function chooseNode(
  views: readonly NodeView[],
  role: Role | undefined,
  nowMs: number,
  rules: ChoiceRules = DEFAULT_CHOICE_RULES,
): Choice {
  const usable = views.filter((view) => view.usable);
  let bestScore = 0n;
  for (const view of usable) if (view.virtualDaaScore > bestScore) bestScore = view.virtualDaaScore;
  const healthy = usable.filter((view) => bestScore - view.virtualDaaScore <= rules.daaLagMax);

  const current = usable.find((view) => view.name === role?.name);
  const reason = role ? lossReason(current, role, healthy, nowMs, rules) : 'no node had the role';
  if (current && reason === '') return { name: current.name, reason: '' };

  const others = healthy.filter((view) => view.name !== role?.name);
  const rested = others.find(
    (view) => view.lostRoleAtMs === 0 || nowMs - view.lostRoleAtMs >= rules.restAfterLossMs,
  );
  // A tired node is better than one that is gone, and a silent one better than none at all.
  const next = rested ?? (current ? undefined : others[0]);
  if (next) return { name: next.name, reason };
  return current ? { name: current.name, reason: '' } : { name: undefined, reason };
}

function lossReason(
  current: NodeView | undefined,
  role: Role,
  healthy: readonly NodeView[],
  nowMs: number,
  rules: ChoiceRules,
): string {
  if (!current) return `${role.name} is not usable`;
  if (!healthy.includes(current)) return `${role.name} is behind its peers`;
  // A node that has just got the role has had no time to answer yet.
  const lastSignMs = Math.max(current.lastTemplateAtMs, role.sinceMs);
  if (nowMs - lastSignMs >= rules.templateSilenceMs) return `${role.name} gives no templates`;
  return '';
}
