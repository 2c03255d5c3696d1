import './zod-config.js';
import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';
import './style/tables.css';
import './style/picture.css';
import './style/rollover.css';
import { render } from 'preact';
import { inWords } from './api/client.js';
import { App } from './app.js';
import { Note } from './parts/note.js';
import { loadSession } from './state/session.js';
import { applyTheme } from './state/theme.js';

applyTheme();
const page = document.getElementById('page');
if (!page) throw new Error('index.html has no #page');
loadSession().then(
  () => render(<App />, page),
  (thrown) => render(<Note tone="bad">{inWords(thrown)}</Note>, page),
);
