// Bundles of the sources: `node build.mjs [FOLDER]`, dist by default.
import { readFile, writeFile } from 'node:fs/promises'

import { build } from 'esbuild'
import { minify } from 'terser'

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
]) {
  const outfile = `${outdir}/${name}.js`
  await build({ ...options, entryPoints: [`src/${entry}.ts`], outfile })
  if (!options.minify) continue
  // It puts constants, and functions of one caller, where they are used, which esbuild doesn't.
  const module = options.format == 'esm'
  const smaller = await minify(await readFile(outfile, 'utf8'), { module, compress: { passes: 3 } })
  await writeFile(outfile, smaller.code + '\n')
}
