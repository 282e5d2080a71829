/** `sluice rewards settle`: one round of what the payer does every few seconds, for pools without one and for tests. */
import type { Config } from '../../config/schema.ts';
import { NodeNetwork } from '../chains/kaspa/network-facts.ts';
import { NodeLink } from '../chains/kaspa/node-link.ts';
import { kasOf } from '../domain/money.ts';
import { createLogger, type Logger } from '../kit/log.ts';
import { RewardDesk, type RewardReport } from '../ledger/settlement/reward-desk.ts';
import { withLead } from './ledger-access.ts';

/** A node that has not greeted us by then is left out: only PPS and FPPS ask one. */
const GREETING_MS = 3_000;
const LOOK_MS = 50;

export async function settleOnce(file: string): Promise<void> {
  await withLead(file, 'sluice rewards settle', async (lead, config) => {
    const log = createLogger('warn', 'sluice rewards');
    const links = await openLinks(config, log);
    try {
      const desk = new RewardDesk({
        lead,
        rewards: config.rewards,
        clock: Date.now,
        log,
        ...(links.length > 0 ? { source: new NodeNetwork(() => links, config.kaspa.allowUnsynced) } : {}),
      });
      await desk.applyPolicies();
      const report = await desk.tick();
      process.stdout.write(reportText(report));
      process.exitCode = report.settlements.halted ? 1 : 0;
    } finally {
      for (const link of links) link.close();
    }
  });
}

async function openLinks({ kaspa, stratum }: Config, log: Logger): Promise<readonly NodeLink[]> {
  if (!stratum.ports.some(({ scheme }) => scheme === 'pps' || scheme === 'fpps')) return [];
  const links = kaspa.nodes.map((node) => new NodeLink({ ...node, networkId: kaspa.network, log }));
  for (const link of links) link.start();
  const untilMs = performance.now() + GREETING_MS;
  while (links.some((link) => link.greetings === 0) && performance.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  return links;
}

function reportText({ settlements, pps }: RewardReport): string {
  const lines = [
    ...settlements.settled.map(
      ({ settlementId, pot, rewardSompi, accounts }) =>
        `settlement ${settlementId}, pot ${pot}: ${kasOf(rewardSompi)} KAS over ${accounts} accounts`,
    ),
    ...settlements.waiting.map(
      ({ pot, unit, reason }) =>
        `pot ${pot}: blocks from ${new Date(unit.fromMs).toISOString()} wait for ${reason}`,
    ),
    ...(pps.creditedMinutes > 0
      ? [`PPS: ${pps.creditedMinutes} minutes, ${kasOf(pps.creditedSompi)} KAS`]
      : []),
    ...pps.paused.map(
      ({ pot, owedSompi }) =>
        `PPS: pot ${pot} waits for the reserve, its next minute costs ${kasOf(owedSompi)} KAS`,
    ),
    ...(settlements.halted ? ['halted: two divisions of one settlement differ'] : []),
  ];
  return `${lines.length > 0 ? lines.join('\n') : 'nothing to divide'}\n`;
}
