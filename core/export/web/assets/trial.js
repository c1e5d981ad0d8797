// How Bluetit proves this page: a copy of it holds photos, and what it answers goes into the browser's log, a line each.

function tell(message) {
  // oxlint-disable-next-line no-console -- Bluetit reads it there
  console.info(`BLUETIT ${JSON.stringify(message)} END`);
}

function fileOf({ data, kind }) {
  return new Blob([Uint8Array.from(atob(data), (letter) => letter.codePointAt(0))], { type: kind });
}

// `answerTo`: a photo's file and name → verdict; `readyMilliseconds`: from opening the page to the first question.
export async function runTrial(element, { answerTo, readyMilliseconds }) {
  tell({ ready: readyMilliseconds });
  for (const photo of JSON.parse(element.textContent)) {
    const begin = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one after the other is what people do
    const { shares, answer } = await answerTo(fileOf(photo), photo.name);
    tell({ shares: shares.map((share) => Number(share.toPrecision(7))), answer, milliseconds: performance.now() - begin });
  }
  tell({ isDone: true });
}

export function tellTrialProblem(error) {
  tell({ problem: `${error.name}: ${error.message}` });
}
