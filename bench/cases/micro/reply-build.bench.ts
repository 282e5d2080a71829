/** Answers of one turn laid down as bytes, eight to a socket, or one string for each. */
import { Verdict } from '../../../src/domain/share.ts';
import { ANSWER_BYTES_MAX, Answers, NO_ANSWER } from '../../../src/stratum/session/answers.ts';
import { WriteBuffer } from '../../../src/stratum/socket/write-buffer.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const SOCKETS = 64;
const PER_SOCKET = 8;

export default defineCase({
  kind: 'micro',
  title: 'the answer to a share, from verdict to bytes, against JSON.stringify',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const answers = new Answers();
    const buffer = new WriteBuffer();
    let id = 1_000;
    const operations = SOCKETS * PER_SOCKET;
    return playRounds(
      context,
      [
        {
          name: 'engine',
          operations,
          run: () => {
            let written = 0;
            for (let socket = 0; socket < SOCKETS; socket++) {
              let first = NO_ANSWER;
              let last = NO_ANSWER;
              for (let n = 0; n < PER_SOCKET; n++) {
                last = answers.add(last, id++, Verdict.Share);
                if (first === NO_ANSWER) first = last;
              }
              let to = 0;
              for (let at = first; at !== NO_ANSWER && to + ANSWER_BYTES_MAX < buffer.bytes.length; ) {
                to = answers.write(at, buffer.words, to);
                at = answers.take(at);
              }
              if (buffer.view(to).length > 0) written++;
            }
            return written;
          },
          agrees: 'writes',
        },
        {
          name: 'stringify',
          operations,
          run: () => {
            let written = 0;
            for (let socket = 0; socket < SOCKETS; socket++) {
              for (let n = 0; n < PER_SOCKET; n++) {
                const text = `${JSON.stringify({ id: id++, result: true, error: null })}\n`;
                if (Buffer.from(text).length > 0 && n === 0) written++;
              }
            }
            return written;
          },
          agrees: 'writes',
        },
      ],
      [{ name: 'answer', above: 'stringify', below: 'engine' }],
    );
  },
});
