import { describe, expect, it } from 'vitest';
import { VERDICTS, Verdict } from '../../../src/domain/share.ts';
import { replyVerdict } from '../../../src/stratum/protocol/messages.ts';
import { ANSWER_BYTES_MAX, ANSWER_ID_MAX, Answers, NO_ANSWER } from '../../../src/stratum/session/answers.ts';
import { WriteBuffer } from '../../../src/stratum/socket/write-buffer.ts';

const IDS = [
  0,
  ...Array.from({ length: 9 }, (_, digits) => [10 ** (digits + 1) - 1, 10 ** (digits + 1)]).flat(),
  0x7fff_ffff,
  0x8000_0000,
  ANSWER_ID_MAX,
];

describe('answers as bytes', () => {
  it('are those that text would have been, one behind the other, for every verdict and every length of id', () => {
    const answers = new Answers();
    const buffer = new WriteBuffer();
    const pairs = VERDICTS.flatMap(({ code }) => IDS.map((id) => ({ id, code })));
    let first = NO_ANSWER;
    let last = NO_ANSWER;
    for (const { id, code } of pairs) {
      last = answers.add(last, id, code);
      if (first === NO_ANSWER) first = last;
    }
    let to = 0;
    let text = '';
    for (let index = first; index !== NO_ANSWER; index = answers.take(index)) {
      if (to + ANSWER_BYTES_MAX > buffer.bytes.length) {
        text += buffer.view(to).toString('latin1');
        to = 0;
      }
      to = answers.write(index, buffer.words, to);
    }
    text += buffer.view(to).toString('latin1');
    expect(text).toBe(pairs.map(({ id, code }) => replyVerdict(id, code)).join(''));
  });

  it('go into the buffer that stands, once another one was surrendered', () => {
    const answers = new Answers();
    const buffer = new WriteBuffer();
    const lay = (id: number) => {
      const index = answers.add(NO_ANSWER, id, Verdict.Share);
      return buffer.view(answers.write(index, buffer.words, 0));
    };
    const kept = lay(1);
    buffer.surrender();
    expect(lay(2).toString('latin1')).toBe(replyVerdict(2, Verdict.Share));
    expect(kept.toString('latin1')).toBe(replyVerdict(1, Verdict.Share));
  });
});
