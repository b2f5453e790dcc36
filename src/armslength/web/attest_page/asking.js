// What a monitor is asked, computed from the terms themselves: each claim's periods, and what has been said of them.
const LETTERS = { S: "SUPPORTED", R: "REFUTED", X: "EXCUSED", U: "UNKNOWN" };
const DAY = 86400;

// The time that counts: the device's, or what the node says where time is simulated.
export function now(known) {
  if (known.terms.clock === "simulated") return known.questions.now;
  return Math.floor(Date.now() / 1000);
}

export function unit(claim) {
  return claim.period === DAY ? "unit_day" : claim.period === 7 * DAY ? "unit_week" : "unit_period";
}

// The periods of a claim that have begun: latest first. None before a sealed head is known, which every statement names.
export function periods(known, name, items) {
  const claim = known.terms.claims[name], begun = known.questions.effective_at;
  const progress = known.questions.claims[name];
  if (begun === undefined || begun === null || !progress || !known.head) return [];
  const anchor = begun + (claim.offset ?? 0), end = known.terms.end, at = now(known);
  const count = claim.period ? Math.max(0, Math.ceil((end - anchor) / claim.period)) : 1;
  const found = [];
  for (let number = 0; number < count; number++) {
    const starts = anchor + number * (claim.period ?? 0);
    if (starts > at) break;
    const ends = claim.period ? Math.min(starts + claim.period, end) : starts;
    const letter = progress.decided[number] ?? ".";
    const mine = items.filter((item) => item.entry.body.claim === name && item.entry.body.period === number);
    const word = mine.filter((item) => item.status !== "refused").at(-1) ?? mine.at(-1);
    const counted = progress.mine[number];
    const limit = claim.report_by === undefined ? null : ends + claim.report_by;
    found.push({
      number, starts, ends, limit, over: claim.period ? ends <= at : true, decided: LETTERS[letter] ?? "",
      word, counted, open: !(letter in LETTERS) && (limit === null || at <= limit),
    });
  }
  return found.reverse();
}

export const waiting = (period) =>
  period.open && period.over && !period.counted && (!period.word || period.word.status === "refused");
