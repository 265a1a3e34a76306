// ESLint for the whole repository. The rules that matter most are the arrows between the rooms of src/: they keep the
// wire free of configuration and the decisions free of sockets. test/process/lint.test.ts proves each of them.
import tseslint from 'typescript-eslint';

const SRC_ROOMS = ['bytes', 'message', 'wire', 'machine', 'proxy', 'driver', 'config', 'embed', 'process'];

/** Room → rooms that it may import. `types` names a room from which only types may come. */
const ARROWS = {
  bytes: { values: [], types: [] },
  message: { values: ['bytes'], types: [] },
  wire: { values: ['message', 'bytes'], types: [] },
  machine: { values: ['wire', 'message', 'bytes'], types: [] },
  // machine/policy.js also holds the constants NEXT_*, which plans are made of: the one value that may pass.
  proxy: { values: ['message', 'bytes'], types: ['machine'] },
  driver: { values: ['machine', 'wire', 'message', 'bytes'], types: [] },
  config: { values: ['proxy', 'message'], types: [] },
  embed: { values: ['config', 'proxy', 'driver', 'machine', 'wire', 'message', 'bytes'], types: [] },
};

const NO_DYNAMIC_IMPORT = {
  selector: 'ImportExpression',
  message: 'An import() would pass the arrows between the rooms unseen.',
};

function arrowRules(room) {
  const { values, types } = ARROWS[room];
  const closed = SRC_ROOMS.filter(
    (other) => other !== room && !values.includes(other) && !types.includes(other),
  );
  const patterns = [
    {
      regex: `^(\\.\\./)+(${closed.join('|')})/`,
      message: `${room}/ may not import this room: see the table of rooms in the README.`,
    },
    { regex: '^(\\.\\./)+index\\.js$', message: 'Rooms never import the package entry.' },
    ...types.map((other) => ({
      regex: `^(\\.\\./)+${other}/(?!policy\\.js$)`,
      allowTypeImports: true,
      message: `${room}/ may import only types from ${other}/ (and constants from ${other}/policy.js).`,
    })),
  ];
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
      'no-restricted-syntax': ['error', NO_DYNAMIC_IMPORT],
    },
  };
}

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'bench/results/',
      'src/wire/http1/llhttp-binary.ts',
      'src/driver/passwords/bcryptjs.ts',
    ],
  },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-constant-binary-expression': 'error',
      'no-control-regex': 'error',
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      'no-fallthrough': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'off',
      'no-unreachable': 'error',
      'no-unsafe-finally': 'error',
      'object-shorthand': 'error',
    },
  },
  { files: ['src/**/*.ts'], rules: { 'no-console': 'error' } },
  {
    files: ['src/error.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ regex: '.', message: 'error.ts imports nothing.' }] },
      ],
    },
  },
  // chai's assertions are property reads.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
  // A project that uses the package from CommonJS, too.
  {
    files: ['test/package/consumer/**/*.{cjs,cts}'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  ...Object.keys(ARROWS).map(arrowRules),
);
