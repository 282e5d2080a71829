/** Every node of the configuration: does it answer, is it of our network, synced, with the index that the payer needs. Asks only. */
import type { Config } from '../../../config/schema.ts';
import { checkAddress } from '../../chains/kaspa/address.ts';
import { type NodeInfo, NodeLink } from '../../chains/kaspa/node-link.ts';
import { messageOf } from '../../kit/edge-error.ts';
import { silentLogger } from '../../kit/log.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const FIRST_WORD_MS = 5_000;
const POLL_MS = 20;

export async function lookAtNodes({ kaspa }: Config): Promise<Finding[]> {
  const treasury = checkAddress(kaspa.payAddress, kaspa.network);
  const findings: Finding[] = [
    treasury.ok
      ? ok('nodes', 'treasury', kaspa.payAddress)
      : fail('nodes', 'treasury', {
          found: treasury.reason,
          expected: `an address of ${kaspa.network}`,
          change: 'kaspa.payAddress',
        }),
  ];
  const asked = await Promise.all(kaspa.nodes.map((node) => askNode(node, kaspa)));
  findings.push(...asked.flatMap((one) => one.findings));
  if (asked.every(({ info }) => info?.utxoIndexed !== true)) {
    findings.push(
      fail('nodes', 'index of outputs', {
        found: 'none of the nodes has it',
        expected: 'one at least: the payer asks what lies at the treasury',
        change: 'start kaspad with --utxoindex',
      }),
    );
  } else findings.push(ok('nodes', 'index of outputs', 'there'));
  if (kaspa.nodes.length === 1) {
    findings.push(
      warn('nodes', 'how many', {
        found: '1',
        expected: 'two: while the only one is away or syncs, nobody mines',
        change: 'a second entry in kaspa.nodes',
      }),
    );
  }
  return findings;
}

interface Asked {
  readonly findings: readonly Finding[];
  readonly info: NodeInfo | undefined;
}

async function askNode(node: Config['kaspa']['nodes'][number], kaspa: Config['kaspa']): Promise<Asked> {
  const link = new NodeLink({ ...node, networkId: kaspa.network, log: silentLogger });
  link.start();
  try {
    const deadline = performance.now() + FIRST_WORD_MS;
    while (!link.connected && link.greetings === 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!link.connected) {
      const change = link.foreign
        ? `the address of a node of ${kaspa.network}`
        : `kaspad runs, listens on ${node.address} (--rpclisten) and is let through`;
      return { info: undefined, findings: [away(node.name, link.fault, change)] };
    }
    const startedMs = performance.now();
    const info = await link.refreshInfo();
    const tookMs = performance.now() - startedMs;
    return { info, findings: [judge(node.name, info, tookMs, kaspa.allowUnsynced)] };
  } catch (error) {
    return { info: undefined, findings: [away(node.name, messageOf(error), 'look at the log of kaspad')] };
  } finally {
    link.close();
  }
}

function away(name: string, fault: string, change: string): Finding {
  return fail('nodes', name, { found: fault, expected: 'a node that answers', change });
}

function judge(name: string, info: NodeInfo, tookMs: number, allowUnsynced: boolean): Finding {
  const found = `kaspad ${info.serverVersion}, ${info.networkId}, ${info.synced ? 'synced' : 'not synced'}, DAA ${info.virtualDaaScore}, ${tookMs.toFixed(1)} ms`;
  if (info.synced) return ok('nodes', name, found);
  const wrong = {
    found,
    expected: 'a synced node: blocks on an old chain are worth nothing',
    change: 'wait until it has caught up',
  };
  return allowUnsynced ? warn('nodes', name, wrong) : fail('nodes', name, wrong);
}
