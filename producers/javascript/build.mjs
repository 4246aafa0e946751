// Bundles of the sources: `node build.mjs [FOLDER]`, dist by default.
import { build } from 'esbuild'

const outdir = process.argv[2] ?? 'dist'
const common = { bundle: true, minify: true, target: 'es2021', legalComments: 'none', charset: 'utf8' }
const esm = { ...common, format: 'esm' }
// Without tsconfig.json's `strict`, which would put "use strict" before each: they are modules and don't need it.
const script = { ...common, format: 'iife', tsconfigRaw: {} }
const node = { ...esm, platform: 'node', target: 'node18', minify: false }
const react = { ...esm, external: ['react'] }
for (const [options, entry, name] of [
  [esm, 'index', 'index'],
  [esm, 'core', 'core'],
  [script, 'script', 'reftrail'],
  [script, 'script-core', 'reftrail.core'],
  [react, 'react', 'react'],
  [esm, 'react-native', 'react-native'],
  [node, 'node', 'node'],
]) await build({ ...options, entryPoints: [`src/${entry}.ts`], outfile: `${outdir}/${name}.js` })
