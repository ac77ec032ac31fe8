import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../src/Api/schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/api/gql/**'],
  silent: true,
  generates: {
    'src/api/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { scalars: { DateTimeOffset: 'string', JSON: 'unknown', Long: 'number', ID: 'string' }, useTypeImports: true, enumsAsTypes: true },
    },
  },
};

export default config;
