import { render } from 'preact';

render(<main>Netport</main>, document.getElementById('page') as HTMLElement);
