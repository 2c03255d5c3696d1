#!/usr/bin/env node
import '@netport/runtime/lean-start';

// Not `import`: what it loads would be read before the first line runs.
await import('../dist/main.js');
