// The house, as a tool can check it. A file is imported only downwards:
//
//   kernel ← config ← access, database, transport ← job ← worker, scheduler, status ← entries ← main
//
// and a module only through its index.ts. test/architecture plants a breach of every rule below and sees it reported.

/** Modules by rank, lowest first; those of one rank do not know each other. */
const RANKS = [['access', 'database', 'transport'], ['job'], ['worker', 'scheduler', 'status']];

/** Files that only compute: they take types from elsewhere, and time and chance as arguments. */
const PURE = ['^src/modules/job/(state-machine|retry-policy)[.]ts$', '^src/modules/scheduler/cron[.]ts$'];

const inModules = (names) => `^src/modules/(${names.join('|')})/`;

/** One rule a rank: what lies beside it or above it is out of reach. */
const rankRules = RANKS.flatMap((names, rank) =>
  names.map((name) => {
    const unreachable = RANKS.slice(rank)
      .flat()
      .filter((other) => other !== name);
    return {
      name: `${name}-imports-only-lower-modules`,
      comment: 'A module knows the modules of lower rank, none beside it and none above it.',
      severity: 'error',
      from: { path: inModules([name]) },
      to: { path: inModules(unreachable) },
    };
  }),
);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one idea cut in the wrong place.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere fails only when somebody runs that line.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-packages',
      comment: 'What src imports has to be there after `npm ci --omit=dev`.',
      severity: 'error',
      from: { path: '^src/', pathNot: '[.]spec[.]ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    {
      name: 'no-tests-in-src',
      comment: 'The product does not know its tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: '[.]spec[.]ts$' },
      to: { path: ['^(test|bench)/', '[.]spec[.]ts$'] },
    },
    {
      name: 'kernel-imports-nothing-of-ours',
      comment: 'The kernel is what everything stands on.',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/', pathNot: '^src/kernel/' },
    },
    {
      name: 'config-imports-only-the-kernel',
      comment: 'Settings are read before anything else exists.',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/', pathNot: '^src/(config|kernel)/' },
    },
    {
      name: 'migrations-import-nothing-of-ours',
      comment: 'A migration keeps its meaning when the code around it changes.',
      severity: 'error',
      from: { path: '^src/migrations/' },
      to: { path: '^src/', pathNot: '^src/migrations/' },
    },
    {
      name: 'only-the-database-imports-migrations',
      comment: 'One place decides when the schema is brought up to date.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(migrations|modules/database)/' },
      to: { path: '^src/migrations/' },
    },
    ...rankRules,
    {
      name: 'modules-import-only-modules-and-below',
      comment: 'A module does not know how it is composed, started or used.',
      severity: 'error',
      from: { path: '^src/modules/' },
      to: { path: '^src/', pathNot: '^src/(modules|migrations|config|kernel)/' },
    },
    {
      name: 'modules-through-their-index',
      comment: 'What a module does not export from its index.ts is its own business, among modules too.',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/', pathNot: ['^src/modules/$1/', '^src/modules/[^/]+/index[.]ts$'] },
    },
    {
      name: 'modules-through-their-index-from-outside',
      comment: 'What a module does not export from its index.ts is its own business.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/modules/' },
      to: { path: '^src/modules/', pathNot: '^src/modules/[^/]+/index[.]ts$' },
    },
    {
      name: 'composition-knows-no-user-code',
      comment: 'What composes Rookery serves any application; whose job types run is said in app.module.ts.',
      severity: 'error',
      from: { path: ['^src/entries/', '^src/rookery[.]module[.]ts$', '^src/index[.]ts$'] },
      to: { path: '^src/((main|application)[.]ts$|boot/|cli/|jobs/|samples/)' },
    },
    {
      name: 'boot-imports-config-and-kernel',
      comment: 'Reading flags and printing errors has to work when nothing else does.',
      severity: 'error',
      from: { path: '^src/boot/' },
      to: { path: '^src/', pathNot: '^src/(boot|config|kernel)/' },
    },
    {
      name: 'cli-is-a-client',
      comment: 'The command line speaks to the REST API, as any client does.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli|config|kernel)/' },
    },
    {
      name: 'job-types-use-the-public-surface',
      comment: 'What our own job types need, everybody else needs too: it has to be public.',
      severity: 'error',
      from: { path: '^src/(jobs|samples)/' },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/index[.]ts$'] },
    },
    {
      name: 'main-uses-the-public-surface',
      comment: 'Rookery starts itself the way a foreign application starts it.',
      severity: 'error',
      from: { path: '^src/(main|application)[.]ts$' },
      to: { path: '^src/(modules|entries|migrations|cli)/' },
    },
    {
      name: 'nobody-imports-main',
      comment: 'Importing it would start it.',
      severity: 'error',
      from: {},
      to: { path: '^src/(main|cli/main)[.]ts$' },
    },
    {
      name: 'pure-files-import-types-only',
      comment: 'What only computes is tested without anything running.',
      severity: 'error',
      from: { path: PURE },
      to: { dependencyTypesNot: ['type-only'], pathNot: PURE },
    },
  ],
  options: {
    // An `import type` counts: knowing a type is knowing.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      conditionNames: ['import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
