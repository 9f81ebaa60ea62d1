// Tested by tests/verify/variants_test.cc (text.md X16; statistics.md P5).
#include "verify/variants.h"

#include <cassert>

namespace verdigris::verify {

Result<bool> EncodeNormalised(const Normaliser& normaliser, const Tokenizer& tokenizer, std::string_view document, Scratch& scratch, std::vector<Token>& out) {
  std::string text;
  ByteMap map;
  VERDIGRIS_RETURN_IF_ERROR(normaliser.Apply(document, text, map));
  if (map.identity()) return false;
  VERDIGRIS_RETURN_IF_ERROR(tokenizer.Encode(text, scratch, out));
  map.ToDocument(out);
  return true;
}

Result<VariantFindings> JudgeVariants(const JudgeKeys& keys, std::span<const Variant> variants, JudgeOptions options, bool traces) {
  assert(!variants.empty());
  options.tried *= variants.size();
  VariantFindings best;
  for (size_t v = 0; v < variants.size(); ++v) {
    options.proxy_ln_q = variants[v].proxy_ln_q;
    std::vector<std::vector<TokenState>> of_variant;
    VERDIGRIS_ASSIGN_OR_RETURN(std::vector<Finding> findings, JudgeText(keys, variants[v].ids, options, traces ? &of_variant : nullptr));
    for (Finding& finding : findings) finding.variant = variants[v].name;
    if (v == 0) {
      best = {std::move(findings), std::vector<size_t>(keys.tests().size(), 0), std::move(of_variant)};
      continue;
    }
    for (size_t i = 0; i < findings.size(); ++i) {
      if (DecidingLog10P(findings[i], options.test) >= DecidingLog10P(best.findings[i], options.test)) continue;
      best.findings[i] = std::move(findings[i]);
      if (traces) best.traces[i] = std::move(of_variant[i]);
      best.variant[i] = v;
    }
  }
  return best;
}

}  // namespace verdigris::verify
