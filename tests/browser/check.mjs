// The legacy estate in a browser.
//
//     node check.mjs PATH_OF_LEGACY_ESTATE PATH_OF_CHROMIUM FOLDER_FOR_SCREENSHOTS

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { attacks } from './attacks.mjs';
import { start, stop } from './estate.mjs';
import { accessible, sevenSteps } from './steps.mjs';

const [binary, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox', // root has none
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    // no word to anybody but the estate
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

try {
  for (const [name, pageElsewhere] of [['one-origin', false], ['another-origin', true]]) {
    const estate = await start(binary, { pageElsewhere });
    await inContext((context) => sevenSteps(context, estate, pictures(name)));
    console.log(`ok  ${name}: S6-01 to S6-07, S6-14, S1-03`);
  }

  // What the steps are worth: they fail where a part of the protection is left out.
  for (const [flag, pageElsewhere, step] of [
    ['--without-suppression', false, 'S6-02'],
    ['--without-suppression', true, 'S6-02'],
    ['--without-same-subject', false, 'S6-14'],
    ['--without-same-subject', true, 'S6-14'],
    ['--without-protection', false, 'S6-03'],
  ]) {
    const estate = await start(binary, { pageElsewhere, flags: [flag] });
    const steps = inContext((context) => sevenSteps(context, estate, async () => {}));
    await assert.rejects(steps, (error) => {
      assert.equal(error.name, 'AssertionError', String(error.stack));
      assert.equal(error.message.split(/[:,]/)[0], step, error.message);
      return true;
    });
    console.log(`ok  ${flag}: fails at ${step}`);
  }

  await accessible(browser, await start(binary), pictures('look'));
  console.log('ok  light and dark, wide and narrow');

  await inContext(async (context) => {
    const estate = await start(binary, { pageElsewhere: true });
    await attacks(context, estate, (what) => console.log(`ok  ${what}`));
  });
  console.log(`browser: all as expected; screenshots in ${folder}`);
} finally {
  await browser.close();
  stop();
}

// A browser without a memory of what was before.
async function inContext(work) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 820 } });
  context.setDefaultTimeout(15_000);
  try {
    await work(context);
  } finally {
    await context.close();
  }
}

function pictures(name) {
  return (page, what) => page.screenshot({ path: join(folder, `${name}-${what}.png`), fullPage: true });
}
