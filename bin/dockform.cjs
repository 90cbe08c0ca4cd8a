#!/usr/bin/env node
// The published command. Written so that Node.js 10 and later can at least say that they are too
// old: the import is the only thing here that an older one would not understand.
"use strict";

var needed = 24;

if (parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(
    "dockform needs Node.js " +
      needed +
      " or later; this is " +
      process.versions.node +
      ". Install it from https://nodejs.org or with your version manager.\n",
  );
  process.exitCode = 1;
} else {
  // oxlint-disable-next-line import/no-unassigned-import -- running it is all that is wanted
  require("../dist/main.cjs");
}
