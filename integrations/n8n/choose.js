// Chooses a published model for a task. The manifest has only models that were validated and are
// not withdrawn; what is left to decide is the task, the licence, and which one does it best.
const settings = $('Settings').first().json;
const manifest = $input.first().json.data;

if (manifest?.version !== 1) {
  throw new Error(`catalogue.json has version ${manifest?.version}, this workflow reads 1`);
}

// Pixels that the page's points came closer to their places; else decibels of PSNR.
// Models of one task are measured in one way, so that the figures of candidates compare.
function gain(model) {
  const figures = model.measured;
  if (!figures) return -Infinity;
  if (figures.grid_error_before !== undefined && figures.grid_error_after !== undefined) {
    return figures.grid_error_before - figures.grid_error_after;
  }
  return figures.gain_db;
}

const candidates = manifest.models.filter(
  (model) =>
    model.task === settings.task &&
    (!settings.commercial_use || model.licence.commercial_use === 'yes'),
);
if (candidates.length === 0) {
  const terms = settings.commercial_use ? ' whose licence permits commercial use' : '';
  throw new Error(`no published model for the task ${settings.task}${terms}`);
}

// The best one; of equals the smaller, then the first by name, so that the choice never wavers.
// Infinities do not subtract: a model without figures comes after all that have some.
const byGain = (a, b) => (gain(a) === gain(b) ? 0 : gain(b) > gain(a) ? 1 : -1);
const byName = (a, b) => (a.slug < b.slug ? -1 : 1);
const [chosen] = candidates.sort((a, b) => byGain(a, b) || a.size - b.size || byName(a, b));

const answer = {
  model: chosen.slug,
  task: chosen.task,
  layer: chosen.layer,
  sha256: chosen.sha256,
  size: chosen.size,
  key: chosen.object.key,
  version_id: chosen.object.version_id,
  licence: chosen.licence,
  input: chosen.input,
  measured: chosen.measured ?? null,
  commit: manifest.commit,
  candidates: candidates.map((model) => model.slug),
};
