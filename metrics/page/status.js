// SPDX-License-Identifier: Apache-2.0
//
// Keeps the page in step with /status. Whatever comes from there is data: it is only ever set as text.
'use strict';
(() => {
  const kPeriod = 1000;  // milliseconds between an answer and the next question
  const kPatience = 4000;  // that an answer may take
  const kTokenKey = 'leasehold-token';
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  let status = null;  // the last answer
  let at = 0;  // when it came, on this page's clock
  let skew = 0;  // the candidate's clock minus this one's, in milliseconds
  let lost = false;  // the last question was not answered
  let answeredAt = performance.now();
  let timer = 0;
  let question = 0;  // counts them: an answer to an older one is dropped
  let token = recall();

  function recall() {
    try {
      return sessionStorage.getItem(kTokenKey) || '';
    } catch {
      return '';  // storage is switched off
    }
  }

  function remember(value) {
    token = value;
    try {
      if (value) sessionStorage.setItem(kTokenKey, value);
      else sessionStorage.removeItem(kTokenKey);
    } catch {
      // it is asked for again after a reload
    }
  }

  // What is there already is not touched, so that selections and screen readers are left alone.
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  const valueAt = (path) => path.split('.').reduce((value, key) => (value == null ? null : value[key]), status);

  // What has no place on the page. A nought counts where it says something.
  function empty(path) {
    const value = valueAt(path);
    if (value === 0) return !/(_seconds|_code|transitions)$/.test(path);
    return value == null || value === '' || (Array.isArray(value) && value.length === 0);
  }

  const left = (value) => Math.max(0, value - (performance.now() - at) / 1000);
  const inSeconds = (value) => value.toFixed(1) + ' s';
  const utc = (unix) => new Date(unix * 1000).toISOString().slice(0, 19).replace('T', ' ');

  function roughly(seconds) {
    const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
    const whole = Math.max(0, Math.floor(seconds));
    const first = units.findIndex(([size]) => whole >= size);
    if (first < 0) return '0 s';
    const [size, unit] = units[first];
    const next = units[first + 1];
    const rest = next ? Math.floor((whole % size) / next[0]) : 0;
    return Math.floor(whole / size) + ' ' + unit + (rest > 0 ? ' ' + rest + ' ' + next[1] : '');
  }

  const ago = (unix) => roughly((Date.now() + skew) / 1000 - unix);

  function stateOf() {
    if (status.named && status.holder) return 'named';
    if (status.leading) return 'leading';
    if (status.role === 'stopping' || status.role === 'releasing') return 'stopping';
    return status.holder ? 'standby' : 'unknown';
  }

  const kRunsOut = 'the lease runs out, unless renewed, in';
  const kRanOut = 'the lease has run out, unless it was renewed';
  const kEyebrows = {
    leading: 'This candidate leads',
    standby: 'Another candidate leads',
    named: 'The leader is',
    stopping: 'This candidate is giving leadership up',
    unknown: 'No leader is known',
  };
  const kEmptyHeadlines = {stopping: 'Stopping', unknown: 'Nobody leads'};

  function showHero() {
    const state = stateOf();
    root.dataset.state = state;
    const headline = status.holder || kEmptyHeadlines[state] || kEmptyHeadlines.unknown;
    say(byId('headline'), headline);
    document.title = headline + (status.election ? ' · ' + status.election : '');
    byId('role').dataset.kind = state;
  }

  function showValues() {
    for (const element of document.querySelectorAll('[data-shown]')) element.hidden = empty(element.dataset.shown);
    for (const element of document.querySelectorAll('[data-value]')) {
      if (element.dataset.as) continue;  // by the clock
      const value = valueAt(element.dataset.value);
      say(element, value == null ? '–' : String(value));
      if (element.dataset.value === 'workload.state') element.dataset.kind = String(value);
    }
  }

  function fill(list, items, make) {
    const key = JSON.stringify(items);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...items.map(make));
  }

  function textItem(text) {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }

  function decisionItem(decision) {
    const item = document.createElement('li');
    const time = document.createElement('time');
    const text = document.createElement('span');
    time.textContent = utc(decision.time_seconds);
    text.textContent = decision.text;
    item.append(time, text);
    return item;
  }

  function notes() {
    const all = [];
    if (status.paused) all.push('Paused: nothing is done by itself until leasehold resume.');
    for (const hindrance of status.hindrances || []) all.push('Does not contend: ' + hindrance);
    if (status.last_reload && !status.last_reload.successful) {
      all.push('The last reload failed: ' + (status.last_reload.text || ''));
    }
    return all;
  }

  function showLists() {
    fill(byId('notes'), notes(), textItem);
    fill(byId('journal'), [...(status.journal || [])].reverse(), decisionItem);
    fill(byId('errors'), [...(status.last_errors || [])].reverse(), textItem);
    const output = valueAt('workload.last_output');
    say(byId('output'), output ? output.join('\n') : '');
  }

  // What time alone changes.
  function tick() {
    const silent = (performance.now() - answeredAt) / 1000;
    const live = byId('live');
    live.dataset.live = lost ? 'no' : 'yes';
    say(byId('live-text'), lost ? 'no answer for ' + roughly(silent) : 'live');
    byId('trouble').hidden = !lost;
    root.toggleAttribute('data-lost', lost);
    if (status) say(byId('eyebrow'), lost ? 'Said last: ' + kEyebrows[stateOf()] : kEyebrows[stateOf()]);
    if (lost) {
      say(byId('trouble'), 'This candidate does not answer. What stands below is what it said last.');
    }
    if (!status) return;
    if (status.lease_left_seconds != null) {
      const seconds = left(status.lease_left_seconds);
      const bar = byId('lease');
      bar.max = status.lease_duration_seconds || status.lease_left_seconds || 1;
      bar.value = seconds;
      say(byId('lease-text'), inSeconds(seconds));
      say(byId('lease-words'), seconds > 0 ? kRunsOut : kRanOut);
    }
    const since = status.holder_since_seconds;
    const known = status.holder && since;
    say(byId('since'), known ? 'since ' + utc(since) + ' UTC, ' + ('for ' + ago(since)).replaceAll(' ', '\u00a0') : '');
    for (const element of document.querySelectorAll('[data-as]')) {
      const value = valueAt(element.dataset.value);
      if (value == null) continue;
      say(element, element.dataset.as === 'time' ? utc(value) : inSeconds(left(value)));
    }
  }

  function showLock(locked, refused) {
    byId('locked').hidden = !locked;
    byId('details').hidden = locked;
    byId('refused').hidden = !refused;
    if (refused) say(byId('refused'), 'This is not the token, or not any more.');
  }

  function show(answer) {
    status = answer;
    at = answeredAt;
    showHero();
    showValues();
    showLists();
    tick();
  }

  // Without the token there is still what everybody may know.
  async function askOpenly(signal) {
    const answer = await fetch('/', {headers: {Accept: 'application/json'}, cache: 'no-store', signal});
    return {holder: (await answer.json()).name, named: true};
  }

  async function ask(signal) {
    const headers = token ? {Authorization: 'Bearer ' + token} : {};
    if (!token && !byId('locked').hidden) return askOpenly(signal);
    const answer = await fetch('/status', {headers, cache: 'no-store', signal});
    if (answer.status === 401) {
      const refused = token !== '';
      remember('');
      showLock(true, refused);
      return askOpenly(signal);
    }
    if (!answer.ok) throw new Error('status ' + answer.status);
    const date = Date.parse(answer.headers.get('Date') || '');
    if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 2000) skew = date - Date.now();
    const picture = await answer.json();
    showLock(false, false);
    return picture;
  }

  async function poll() {
    clearTimeout(timer);
    const mine = ++question;
    const control = new AbortController();
    const limit = setTimeout(() => control.abort(), kPatience);
    try {
      const answer = await ask(control.signal);
      if (mine !== question) return;
      answeredAt = performance.now();
      lost = false;
      show(answer);
    } catch {
      if (mine !== question) return;
      lost = true;
      tick();
    } finally {
      clearTimeout(limit);
    }
    if (!document.hidden) timer = setTimeout(poll, kPeriod);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else poll();
  });
  byId('locked').addEventListener('submit', (event) => {
    event.preventDefault();
    remember(byId('token').value.trim());
    byId('token').value = '';
    poll();
  });
  setInterval(() => {
    if (!document.hidden) tick();
  }, 100);
  poll();
})();
