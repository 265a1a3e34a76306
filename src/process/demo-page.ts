/**
 * The demo's page: one self-contained document, no request but its own and the WebSocket. Everything that people type
 * enters it as text, never as markup.
 */

/** The page. @param configuration shown as text; escaped here */
export function demoPage(configuration: string): string {
  return PAGE.replace('{{configuration}}', () => escapeText(configuration));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:;
    connect-src 'self' ws: wss:">
<link rel="icon" href="data:,">
<title>wirehop demo</title>
<style>
  :root {
    color-scheme: light dark;
    --ground: #f7f7f5; --card: #ffffff; --ink: #1d2125; --soft: #667078; --line: #dfe2e0;
    --accent: #0b6e62; --good: #1a7f47; --bad: #b3362b; --wait: #96690a;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --ground: #15181a; --card: #1d2124; --ink: #e6e8e6; --soft: #98a1a6; --line: #32383b;
      --accent: #58c4b3; --good: #5cc98a; --bad: #ef8177; --wait: #e0b252;
    }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
  header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; margin-bottom: 1.25rem; }
  h1 { font-size: 1.35rem; margin: 0; letter-spacing: -.01em; }
  h2 { font-size: .8rem; margin: 0 0 .5rem; color: var(--soft); font-weight: 600;
    text-transform: uppercase; letter-spacing: .06em; }
  p { margin: 0; color: var(--soft); }
  #state { margin-left: auto; display: inline-flex; align-items: center; gap: .5rem; font-size: .9rem; }
  #state::before { content: ""; width: .6rem; height: .6rem; border-radius: 50%; background: var(--wait); }
  #state[data-state=open]::before { background: var(--good); }
  #state[data-state=closed]::before { background: var(--bad); }
  .columns { display: grid; grid-template-columns: minmax(0, 1fr) 13rem; gap: 1rem; }
  @media (max-width: 44rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
  section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; }
  #log { height: 18rem; overflow-y: auto; margin: 0; padding: 0; list-style: none; }
  #log li { padding: .15rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
  #log time { color: var(--soft); font-size: .8rem; margin-right: .6rem; font-variant-numeric: tabular-nums; }
  #log b { color: var(--accent); font-weight: 600; margin-right: .4rem; }
  #log .event { color: var(--soft); }
  form { display: flex; gap: .5rem; margin-top: .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
  input { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--ground);
    border: 1px solid var(--line); border-radius: .4rem; padding: .45rem .7rem; }
  button { font: inherit; font-weight: 600; color: var(--card); background: var(--accent); border: 0;
    border-radius: .4rem; padding: .45rem 1rem; cursor: pointer; }
  button:disabled { opacity: .45; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #people { margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere; }
  #people .me { font-weight: 600; }
  section.wide { margin-top: 1rem; }
  pre { margin: 0; overflow-x: auto; font: .82rem/1.55 ui-monospace, monospace; }
  details summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
  details pre { margin-top: .75rem; }
</style>
</head>
<body>
<main>
  <header>
    <h1>wirehop</h1>
    <p>This page and its WebSocket came through the proxy.</p>
    <span id="state" role="status" data-state="connecting">connecting</span>
  </header>
  <div class="columns">
    <section aria-label="Messages">
      <ul id="log" aria-live="polite" tabindex="0" aria-label="Message log"></ul>
      <form id="form">
        <input id="text" autocomplete="off" maxlength="2000" placeholder="Say something, or /name Ada"
          aria-label="Message">
        <button id="send" disabled>Send</button>
      </form>
    </section>
    <section>
      <h2>Connected</h2>
      <ul id="people"></ul>
    </section>
  </div>
  <section class="wide">
    <h2>Try in a terminal</h2>
    <pre id="commands"></pre>
  </section>
  <section class="wide">
    <details>
      <summary>The configuration that the proxy runs</summary>
      <pre>{{configuration}}</pre>
    </details>
  </section>
</main>
<script>
  const byId = (id) => document.getElementById(id);
  const state = byId('state'), log = byId('log'), people = byId('people');
  const text = byId('text'), button = byId('send');
  let socket, me = '', names = [], retryMs = 500;

  byId('commands').textContent = [
    'curl ' + location.origin + '/headers',
    'curl -d "some content" ' + location.origin + '/echo',
    'curl -N ' + location.origin + '/stream',
  ].join('\\n');

  function show(name, words) {
    state.dataset.state = name;
    state.textContent = words;
    button.disabled = name !== 'open';
  }

  function line(kind, from, words) {
    const item = document.createElement('li');
    item.className = kind;
    const time = document.createElement('time');
    time.textContent = new Date().toLocaleTimeString();
    item.append(time);
    if (from) {
      const who = document.createElement('b');
      who.textContent = from;
      item.append(who);
    }
    item.append(words);
    log.append(item);
    while (log.children.length > 500) log.firstChild.remove();
    log.scrollTop = log.scrollHeight;
  }

  function showPeople() {
    people.replaceChildren(...names.map((name) => {
      const item = document.createElement('li');
      item.textContent = name === me ? name + ' (you)' : name;
      if (name === me) item.className = 'me';
      return item;
    }));
  }

  const on = {
    welcome(message) { me = message.name; showPeople(); },
    people(message) { names = message.names; showPeople(); },
    message(message) { line('message', message.from, message.text); },
    event(message) { line('event', '', message.text); },
  };

  function connect() {
    show('connecting', 'connecting');
    socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/chat');
    socket.onopen = () => { retryMs = 500; show('open', 'connected'); };
    socket.onmessage = (event) => { const message = JSON.parse(event.data); on[message.kind](message); };
    socket.onclose = (event) => {
      names = [];
      showPeople();
      show('closed', 'closed (' + event.code + '), trying again');
      setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, 8000);
    };
  }

  byId('form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (text.value.trim() === '' || socket.readyState !== WebSocket.OPEN) return;
    socket.send(text.value);
    text.value = '';
  });

  connect();
  text.focus();
</script>
</body>
</html>
`;
