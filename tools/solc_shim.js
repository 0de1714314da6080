/*
 * `solc --standard-json` on top of soljson.js of the npm package `solc` (the same compiler, as WebAssembly), so
 * that the compiler comes from package-lock.json like every other tool and nothing else is downloaded.
 *
 * Options: --version, --standard-json [FILE], --base-path DIR, --include-path DIR, --allow-paths DIR,DIR.
 * Imports are read from the base path, the include paths, the allowed paths and the targets of remappings only.
 */
'use strict';
const fs = require('fs');
const path = require('path');

const SOLJSON = path.join(__dirname, '..', 'node_modules', 'solc', 'soljson.js');

function fail(message) {
  process.stderr.write(`solc: ${message}\n`);
  process.exit(1);
}

function load() {
  if (!fs.existsSync(SOLJSON)) fail(`${SOLJSON} is missing: run scripts/setup`);
  const soljson = require(SOLJSON);
  // emscripten installs handlers that hide the exit status
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  const alloc = soljson.cwrap('solidity_alloc', 'number', ['number']);
  const compile = soljson.cwrap('solidity_compile', 'string', ['string', 'number', 'number']);
  const put = (text, pointer) => {
    const size = soljson.lengthBytesUTF8(text) + 1;
    const buffer = alloc(size);
    soljson.stringToUTF8(text, buffer, size);
    soljson.setValue(pointer, buffer, '*');
  };
  return {
    version: soljson.cwrap('solidity_version', 'string', []),
    compile(input, read) {
      const callback = soljson.addFunction((context, kind, data, contents, error) => {
        const result =
          soljson.UTF8ToString(kind) === 'source' ? read(soljson.UTF8ToString(data)) : { error: 'no SMT solver' };
        if (result.contents !== undefined) put(result.contents, contents);
        if (result.error !== undefined) put(result.error, error);
      }, 'viiiii');
      return compile(input, callback, 0);
    },
  };
}

function parse(argv) {
  const options = { base: '.', include: [], allow: [], file: 0 };
  for (let i = 0; i < argv.length; i++) {
    const value = () => (++i < argv.length ? argv[i] : fail(`${argv[i - 1]} needs a value`));
    switch (argv[i]) {
      case '--version':
        options.version = true;
        break;
      case '--standard-json':
        options.standard = true;
        break;
      case '--base-path':
        options.base = value();
        break;
      case '--include-path':
        options.include.push(value());
        break;
      case '--allow-paths':
        options.allow.push(...value().split(',').filter(Boolean));
        break;
      default:
        if (argv[i].startsWith('-')) fail(`option ${argv[i]} is not supported`);
        options.file = argv[i];
    }
  }
  return options;
}

function reader(options, remappings) {
  const roots = [options.base, ...options.include].map((root) => path.resolve(root));
  const targets = remappings.map((remapping) => path.resolve(options.base, remapping.split('=').pop()));
  const allowed = [...roots, ...options.allow, ...targets].map((p) => (fs.existsSync(p) ? fs.realpathSync(p) : p));
  return (name) => {
    const found = roots.map((root) => path.resolve(root, name)).find((file) => fs.existsSync(file));
    if (found === undefined) return { error: `File not found in ${roots.join(', ')}.` };
    const real = fs.realpathSync(found);
    if (!allowed.some((folder) => real === folder || real.startsWith(folder + path.sep))) {
      return { error: `File outside of the allowed folders ${allowed.join(', ')}.` };
    }
    return { contents: fs.readFileSync(real, 'utf8') };
  };
}

function main() {
  const options = parse(process.argv.slice(2));
  let output;
  if (options.version) {
    output = `solc, the solidity compiler commandline interface\nVersion: ${load().version()}\n`;
  } else if (options.standard) {
    const text = fs.readFileSync(options.file, 'utf8');
    let remappings = [];
    try {
      remappings = (JSON.parse(text).settings || {}).remappings || [];
    } catch (error) {
      // not JSON: the compiler's own message is better than ours
    }
    output = load().compile(text, reader(options, remappings)) + '\n';
  } else {
    fail('only --version and --standard-json are supported');
  }
  // process.stdout.write would be cut off by the exit that stops emscripten's timers
  for (let rest = Buffer.from(output); rest.length > 0;) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
  process.exit(0);
}

main();
