"use strict";
// jose is an ES module, which `require` cannot load on every Node 20: whoever needs it awaits this.

module.exports = import("jose");
