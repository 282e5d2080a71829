/** Labels of the verdict table as a miner reads them. A test holds that none is missing. */
export const VERDICT_WORDS: Readonly<Record<string, string>> = {
  low_difficulty: 'Hash misses the share target',
  malformed: 'Malformed submission',
  unknown_job: 'Unknown job',
  stale_job: 'Job too old',
  duplicate: 'Sent twice',
  unauthorized: 'Not authorised',
  foreign_extranonce: "Outside the miner's nonce space",
  unavailable: 'Share storage was unavailable',
  overloaded: 'Too many submissions for one job',
  engine_fault: 'Could not be judged (our fault)',
};
