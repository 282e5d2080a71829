import { describe, expect, it } from 'vitest';
import { chooseNode, DEFAULT_CHOICE_RULES, type NodeView } from '../../../../src/chains/kaspa/node-choice.ts';

const NOW = 100_000;
const RULES = DEFAULT_CHOICE_RULES;

function view(name: string, overrides: Partial<NodeView> = {}): NodeView {
  return {
    name,
    usable: true,
    virtualDaaScore: 1_000n,
    lastTemplateAtMs: NOW - 100,
    lostRoleAtMs: 0,
    ...overrides,
  };
}
const role = (name: string, sinceMs = 0) => ({ name, sinceMs });

describe('the node that gives the templates', () => {
  it('is the first of the configuration at the start', () => {
    expect(chooseNode([view('a'), view('b')], undefined, NOW).name).toBe('a');
    expect(chooseNode([view('a', { usable: false }), view('b')], undefined, NOW).name).toBe('b');
  });

  it('keeps the role while it is good enough, whatever the others do', () => {
    const views = [view('a', { virtualDaaScore: 1_000n + RULES.daaLagMax }), view('b')];
    expect(chooseNode(views, role('b'), NOW)).toEqual({ name: 'b', reason: '' });
  });

  it('loses it at once when it is not usable', () => {
    expect(chooseNode([view('a', { usable: false }), view('b')], role('a'), NOW)).toEqual({
      name: 'b',
      reason: 'a is not usable',
    });
  });

  it('loses it when it is behind its peers', () => {
    const views = [view('a'), view('b', { virtualDaaScore: 1_001n + RULES.daaLagMax })];
    expect(chooseNode(views, role('a'), NOW)).toEqual({ name: 'b', reason: 'a is behind its peers' });
  });

  it('loses it when it gives no templates for two seconds, counted from when it got the role', () => {
    const silent = view('a', { lastTemplateAtMs: NOW - RULES.templateSilenceMs });
    expect(chooseNode([silent, view('b')], role('a'), NOW)).toEqual({
      name: 'b',
      reason: 'a gives no templates',
    });
    expect(chooseNode([silent, view('b')], role('a', NOW - 500), NOW).name).toBe('a');
  });

  it('rests for five seconds before it may have the role again, unless the holder is gone', () => {
    const rested = view('a', { lostRoleAtMs: NOW - RULES.restAfterLossMs });
    const tired = view('a', { lostRoleAtMs: NOW - RULES.restAfterLossMs + 1 });
    const silent = view('b', { lastTemplateAtMs: 0 });
    expect(chooseNode([tired, silent], role('b'), NOW).name).toBe('b');
    expect(chooseNode([rested, silent], role('b'), NOW).name).toBe('a');
    expect(chooseNode([tired, view('b', { usable: false })], role('b'), NOW).name).toBe('a');
  });

  it('stays the silent one when there is no other', () => {
    expect(chooseNode([view('a', { lastTemplateAtMs: 0 })], role('a'), NOW)).toEqual({
      name: 'a',
      reason: '',
    });
    expect(
      chooseNode([view('a', { lastTemplateAtMs: 0 }), view('b', { usable: false })], role('a'), NOW).name,
    ).toBe('a');
  });

  it('is nobody when none is usable', () => {
    expect(chooseNode([view('a', { usable: false })], role('a'), NOW)).toEqual({
      name: undefined,
      reason: 'a is not usable',
    });
    expect(chooseNode([], undefined, NOW).name).toBeUndefined();
  });

  it('changes at most once in five seconds between two nodes that both stutter', () => {
    let holder = role('a', 0);
    let changes = 0;
    const lost = new Map<string, number>();
    for (let nowMs = 10_000; nowMs < 40_000; nowMs += 100) {
      const views = ['a', 'b'].map((name) =>
        view(name, { lastTemplateAtMs: nowMs - 3_000, lostRoleAtMs: lost.get(name) ?? 0 }),
      );
      const { name } = chooseNode(views, holder, nowMs);
      if (name === holder.name) continue;
      lost.set(holder.name, nowMs);
      holder = role(name!, nowMs);
      changes++;
    }
    expect(changes).toBeLessThanOrEqual(7);
  });
});
