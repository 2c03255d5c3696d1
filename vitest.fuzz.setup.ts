import fc from 'fast-check';

const { NETPORT_FUZZ_RUNS, NETPORT_FUZZ_SEED } = process.env;

fc.configureGlobal({ numRuns: Number(NETPORT_FUZZ_RUNS), seed: Number(NETPORT_FUZZ_SEED) });
