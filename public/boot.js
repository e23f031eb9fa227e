// Runs before everything else: the Trusted Types policy, the theme, and words where the page cannot start.
(function () {
  'use strict';
  var refused = /<(script|iframe|object|embed|base|meta|link)\b|\son\w+\s*=|javascript:|srcdoc/i;
  if (window.trustedTypes && trustedTypes.createPolicy) {
    // leptos fills <template> elements with its own static markup; workers and modules load from this folder only.
    trustedTypes.createPolicy('default', {
      createHTML: function (text) {
        if (refused.test(text)) { throw new TypeError('refused markup'); }
        return text;
      },
      createScriptURL: function (text) {
        var url = new URL(text, document.baseURI);
        if (url.origin !== location.origin) { throw new TypeError('refused script of another origin'); }
        return url.href;
      },
    });
  }
  try {
    var theme = localStorage.getItem('ridgepoint.theme');
    if (theme === 'light' || theme === 'dark') { document.documentElement.dataset.theme = theme; }
  } catch (error) { /* Private mode: the system's theme serves. */ }

  function say(text) {
    var place = document.getElementById('boot-message');
    if (place) { place.textContent = text; }
  }
  document.addEventListener('DOMContentLoaded', function () {
    if (location.protocol === 'file:') {
      say('Browsers do not run WebAssembly modules from file:// pages. Serve this folder instead, for example with: python3 -m http.server 8080, then open http://localhost:8080');
    } else if (typeof WebAssembly !== 'object') {
      say('This browser has no WebAssembly. Please use Chrome or Edge 91, Firefox 114, Safari 16.4, or newer.');
    }
  });
  function failed(event) {
    if (document.getElementById('boot-message')) {
      var reason = event && (event.message || (event.reason && event.reason.message)) || 'a file did not load';
      say('The workbench could not start (' + reason + '). Reload the page; if it happens again, your browser may be too old: Chrome or Edge 91, Firefox 114, Safari 16.4, or newer are needed.');
    }
  }
  window.addEventListener('error', failed, true);
  window.addEventListener('unhandledrejection', failed);
})();
