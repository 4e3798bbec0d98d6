// Lists what a publish changed, a line a model.
const news = $input.first().json.body;
const short = (digest) => (digest ? digest.slice(0, 12) : '');

const words = {
  added: (one) => `${one.model}: new in ${one.layer}, ${one.task} (${short(one.after)})`,
  changed: (one) => `${one.model}: other weights (${short(one.before)} to ${short(one.after)})`,
  updated: (one) => `${one.model}: the same weights, other facts`,
  removed: (one) => `${one.model}: no longer published`,
};
const lines = news.changes.map((one) => (words[one.change] ?? ((it) => `${it.model}: ${it.change}`))(one));

return [
  {
    json: {
      commit: news.commit,
      manifest: news.manifest.sha256,
      lines: lines.length ? lines : ['no model changed'],
      removed_names: news.pruned,
    },
  },
];
