// Sets the widget up, and sends the form as soon as the proof of work is done.
import './altcha.js';

const form = document.getElementById('challenge');
const status = document.getElementById('status');
const go = document.getElementById('go');

document.getElementById('no-script').remove();

const say = (text) => { status.textContent = text; };

if (!window.isSecureContext) {
  say('This check needs a secure connection. Open the page with https://.');
} else {
  $altcha.algorithms.set('PBKDF2/SHA-256', () => new Worker('/-/challenge/worker.js'));
  $altcha.i18n.set('en', { ...$altcha.i18n.get('en'), label: 'Check my browser', verified: 'Checked',
    verifying: 'Checking…', waitAlert: 'Checking… please wait.', error: 'The check did not work. Try again.' });
  const widget = document.createElement('altcha-widget');
  widget.setAttribute('challenge', form.dataset.challenge);
  widget.setAttribute('configuration', JSON.stringify(
    { hideFooter: true, hideLogo: true, humanInteractionSignature: false, language: 'en', minDuration: 0 }));
  widget.addEventListener('statechange', (event) => {
    const state = event.detail.state;
    if (state === 'verifying') say('Your browser is working on it. This takes a few seconds.');
    if (state === 'error') say('The check did not work. Tick the box to try again.');
    if (state === 'expired') say('The check has expired. Tick the box to try again.');
    if (state === 'verified') {
      say('Done. You are taken on.');
      go.hidden = false;
      // The widget puts its answer into the form with the same change.
      setTimeout(() => form.requestSubmit(), 0);
    }
  });
  form.insertBefore(widget, status);
}
