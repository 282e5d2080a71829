/**
 * Do the kept segments reach back to a backup's marks? In flow marks and journal folders, out flows what would be loaded again, or
 * why it cannot be. Looks only.
 */
import { listWithHeaders } from '../../journal/segment-files.ts';
import { EdgeError } from '../../kit/edge-error.ts';
import type { JournalMark } from './manifest.ts';

export interface Reach {
  readonly instanceName: string;
  /** A sentence: what is loaded again, or that nobody looked. */
  readonly sentence: string;
  readonly looked: boolean;
}

/** Boots are kept by their low 32 bits. */
const WORD = 2 ** 32;

/** @throws EdgeError SLUICE_RESTORE_JOURNAL when shares that the backup lacks are in no segment any more */
export async function journalReach(
  marks: readonly JournalMark[],
  folders: readonly string[],
): Promise<Reach[]> {
  const journals = await Promise.all(
    folders.map(async (folder) => ({ folder, listed: await listWithHeaders(folder) })),
  );
  return marks.map((mark) => {
    const { instanceName } = mark;
    const journal = journals.find(({ listed }) =>
      listed.some(({ header }) => header?.instanceName === instanceName),
    );
    if (!journal) {
      return {
        instanceName,
        looked: false,
        sentence: `${instanceName}: no folder with its journal was given, so nobody looked whether it reaches back`,
      };
    }
    const opened = journal.listed.filter(({ header }) => header !== undefined);
    const at = opened.find(({ file }) => file.segment === mark.segment);
    const oldest = opened[0]!.file.segment;
    const newest = opened.at(-1)!.file.segment;
    const place = `segment ${mark.segment}, slot ${mark.slot}`;
    if (newest < mark.segment) {
      throw unreachable(
        `${instanceName}: the backup had loaded up to ${place}, and ${journal.folder} ends with segment ${newest}: it is an older journal than the backup`,
      );
    }
    if (!at) {
      throw unreachable(
        `${instanceName}: the backup had loaded up to ${place}, and ${journal.folder} begins with segment ${oldest}: what lay between is in neither`,
      );
    }
    if (mark.boot !== null && at.header!.bootUnixMs % WORD !== mark.boot) {
      throw unreachable(
        `${instanceName}: segment ${mark.segment} of ${journal.folder} is of another start of the engine than the one that was loaded: another journal lies in its place`,
      );
    }
    const more = opened.filter(({ file }) => file.segment > mark.segment).length;
    const sentence = `${instanceName}: loads again from ${place} of ${journal.folder} on, and ${more} segments behind it`;
    return { instanceName, looked: true, sentence };
  });
}

function unreachable(message: string): EdgeError {
  return new EdgeError(
    'SLUICE_RESTORE_JOURNAL',
    message,
    'Put the missing segments back, or use a later backup. --accept-lost-shares restores all the same: those shares are then lost.',
  );
}
