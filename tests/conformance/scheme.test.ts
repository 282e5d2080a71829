import { SCHEMES } from '../../src/ledger/schemes/all-schemes.ts';
import { schemeSuite } from './scheme.suite.ts';

schemeSuite(SCHEMES.pplns, { claim: 'work', terms: { windowMicroDifficulties: '2000000' } });
schemeSuite(SCHEMES.prop, { claim: 'work' });
schemeSuite(SCHEMES.points, { claim: 'work', terms: { roundMinutes: 30 } });
schemeSuite(SCHEMES.solo, { claim: 'finder' });
schemeSuite(SCHEMES.pps, { claim: 'reserve' });
schemeSuite(SCHEMES.fpps, { claim: 'reserve' });
