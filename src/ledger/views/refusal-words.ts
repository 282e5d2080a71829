/** Why a share was refused, in words for the person who owns the machine: what it means, and what to do. Pure; a row for each verdict. */
import type { LiveDiaryEvent } from '../../live/engine-feed.ts';

export interface RefusalWords {
  readonly meaning: string;
  readonly remedy: string;
}

const WORDS: Readonly<Record<string, RefusalWords>> = {
  low_difficulty: {
    meaning: 'The hash did not meet the difficulty that the pool had asked for.',
    remedy:
      'A few around a change of difficulty are normal. If they go on, choose a port whose difficulty fits the machine, and lower its overclock: chips that compute wrong look like this.',
  },
  malformed: {
    meaning: 'The line could not be read as a share.',
    remedy: 'Update the firmware or miner, and choose Kaspa (kHeavyHash) as its algorithm.',
  },
  unknown_job: {
    meaning: 'The share was for a job that this pool never gave to this connection.',
    remedy:
      'Restart the miner. If it goes on, it keeps jobs of another pool or of a connection before: look for a proxy in between.',
  },
  stale_job: {
    meaning: 'The share came when its job was too old to count.',
    remedy:
      'Up to one per cent is normal. More means a slow way to the pool: choose a nearer host, use a cable, and look at the round trip below.',
  },
  duplicate: {
    meaning: 'The same share was sent before.',
    remedy:
      'Usually firmware that sends again after a reconnect. Update it; never let two machines share one connection.',
  },
  unauthorized: {
    meaning: 'A share came before the login was accepted.',
    remedy: 'Check the user field: your address, a dot, the name of the rig.',
  },
  foreign_extranonce: {
    meaning: 'The nonce lay outside the range that the pool had given to this machine.',
    remedy:
      'Some after a reconnect are normal. If they go on, the machine ignores its extranonce: update the firmware, or choose another dialect or port.',
  },
  unavailable: {
    meaning: 'The pool could not store shares at that moment and did not count it.',
    remedy: 'Nothing to do: this is a fault of the pool.',
  },
  overloaded: {
    meaning: 'More shares came for one job than the pool takes.',
    remedy: 'Choose a port with a higher difficulty.',
  },
  engine_fault: {
    meaning: 'The pool could not judge it.',
    remedy: 'Please report it to the pool: this is its own fault.',
  },
};
const UNKNOWN: RefusalWords = {
  meaning: 'Refused for a reason that this page does not know.',
  remedy: 'Please report it to the pool.',
};

export function refusalWords(verdict: string): RefusalWords {
  return WORDS[verdict] ?? UNKNOWN;
}

/** One event of a connection's diary as a sentence. */
export function diarySentence(line: LiveDiaryEvent): string {
  const asked = line.askedLog2 === undefined ? '' : difficultyWords(2 ** line.askedLog2);
  switch (line.kind) {
    case 'login':
      return asked === '' ? 'Logged in.' : `Logged in at difficulty ${asked}.`;
    case 'retarget':
      return `Difficulty was set to ${asked}.`;
    case 'refused':
      return refusedSentence(line, asked);
    case 'jobs_skipped':
      return 'It read too slowly: jobs were left out.';
    case 'not_read':
      return 'It sent too much: the rest was read later.';
    default:
      return `${line.kind}.`;
  }
}

function refusedSentence(
  { verdict = '', jobId, jobAgeMs, hashDifficulty }: LiveDiaryEvent,
  asked: string,
): string {
  const parts = [
    jobId === undefined ? '' : `job ${jobId}`,
    jobAgeMs === undefined ? '' : `${(jobAgeMs / 1_000).toFixed(1)} s old`,
    hashDifficulty === undefined || asked === ''
      ? ''
      : `good for ${difficultyWords(hashDifficulty)} where ${asked} was asked`,
  ].filter((part) => part !== '');
  return `Refused: ${verdict.replaceAll('_', ' ')}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}.`;
}

function difficultyWords(difficulty: number): string {
  return difficulty >= 1 ? String(Math.round(difficulty * 100) / 100) : difficulty.toPrecision(3);
}
