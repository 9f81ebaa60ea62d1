// Tested by tests/verify/corpus/batch_scan_test.cc and, through whole scans, scan_test.cc.
#include "verify/corpus/batch_scan.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include <simdjson.h>

#include "verify/content.h"
#include "verify/corpus/edges.h"
#include "watermark/key.h"

namespace verdigris::verify {
namespace {

RunTest TestOf(const JudgeKeys::Test& test, std::string_view variant) {
  RunTest out;
  if (test.provider) out.kids.push_back(test.layers.kid(Layer::kProvider));
  if (test.account) out.kids.push_back(test.layers.kid(Layer::kAccount));
  std::sort(out.kids.begin(), out.kids.end());
  out.variant = variant;
  return out;
}

size_t PlaceOf(const RunObject& run, const RunTest& test) {
  const auto at = std::find(run.tests.begin(), run.tests.end(), test);
  assert(at != run.tests.end());
  return static_cast<size_t>(at - run.tests.begin());
}

std::array<uint8_t, 16> TextDigest(std::span<const uint8_t> document) {
  const Digest digest = Sha256(document);
  std::array<uint8_t, 16> out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

std::vector<RunTest> TestsOf(const JudgeKeys& keys, bool normalised) {
  std::vector<RunTest> tests;
  for (const JudgeKeys::Test& test : keys.tests()) {
    tests.push_back(TestOf(test, kAsIs));
    if (normalised) tests.push_back(TestOf(test, kNormalised));
  }
  std::sort(tests.begin(), tests.end());
  return tests;
}

std::vector<ScanSetup::Places> PlacesOf(const JudgeKeys& keys, const RunObject& run) {
  const bool normalised = std::any_of(run.tests.begin(), run.tests.end(), [](const RunTest& test) { return test.variant == kNormalised; });
  std::vector<ScanSetup::Places> places;
  for (const JudgeKeys::Test& test : keys.tests()) {
    ScanSetup::Places& place = places.emplace_back();
    place.as_is = PlaceOf(run, TestOf(test, kAsIs));
    if (normalised) place.normalised = PlaceOf(run, TestOf(test, kNormalised));
  }
  return places;
}

size_t CutBefore(std::string_view text, size_t most) {
  assert(most >= 4);
  if (text.size() <= most) return text.size();
  for (size_t back = 0; back < 4; ++back) {
    if ((static_cast<uint8_t>(text[most - back]) & 0xC0) != 0x80) return most - back;
  }
  return most;
}

void RecordBatch::Clear() {
  text_.clear();
  strings_.clear();
  ids_.clear();
  items_.clear();
}

void RecordBatch::Add(const Record& record, uint64_t ordinal, std::string_view group, uint64_t max_doc_bytes) {
  Item item{ordinal, record.offset, 0, record.kind == RecordKind::kText, 0, 0, strings_.size(), record.name.size(), 0, group.size()};
  strings_.append(record.name);
  item.group = strings_.size();
  strings_.append(group);
  if (!item.is_text) {
    item.begin = ids_.size();
    item.size = record.ids.size();
    ids_.insert(ids_.end(), record.ids.begin(), record.ids.end());
    items_.push_back(item);
    return;
  }
  std::string_view rest = record.text;
  item.begin = text_.size();
  text_.append(rest);
  do {
    item.size = CutBefore(rest, max_doc_bytes);
    items_.push_back(item);
    rest.remove_prefix(item.size);
    item.begin += item.size;
    ++item.part;
  } while (!rest.empty());
}

BatchScanner::BatchScanner(const ScanSetup& setup) : setup_(setup), scanner_(*setup.keys, setup.run->rule, setup.stop_list) {
  scratch_.cache_bytes = setup.tokenizer_cache;
}

Result<bool> BatchScanner::ScanVariant(const RecordBatch& batch, size_t index, bool normalised, BatchResult& result) {
  const RecordBatch::Item& item = batch.items()[index];
  const RunObject& run = *setup_.run;
  const std::span<const uint32_t> ids = item.is_text ? std::span<const uint32_t>(ids_) : batch.ids(item);
  VERDIGRIS_ASSIGN_OR_RETURN(const std::span<const DocumentScore> scores, scanner_.Scan(ids));
  if (!normalised) {
    result.counts.tokens += ids.size();
    result.counts.ids_above_vocab += scanner_.ids_above_vocab();
  }
  bool tested = false;
  const size_t first_row = result.rows.size();
  const NullLaw law = setup_.keys->profile().scheme().null_law(setup_.keys->profile());
  for (size_t i = 0; i < scores.size(); ++i) {
    const DocumentScore& score = scores[i];
    const size_t test = normalised ? *setup_.places[i].normalised : setup_.places[i].as_is;
    // A group pools what is too short to be tested, too; first-seen is among what is tested.
    if (run.holds_tuples() && !(run.first_seen && score.n < run.min_scored)) {
      const size_t begin = result.tuples.size();
      const auto& fingerprinters = setup_.fingerprinters[i];
      scanner_.GroupTuples(i, {fingerprinters[0].get(), fingerprinters[1].get()}, run.group.sample_log2, result.tuples);
      result.groups.push_back({index, test, begin, result.tuples.size()});
    }
    if (score.n < run.min_scored) continue;
    tested = true;
    PlaceOfP place = FindPlace(law, score.n, score.statistic, score.log10_p, run.tau_hundredths);
    result.hits += place.row;
    // Only a merge knows what p a document has under first-seen, and it needs the row of each that is a finding then.
    place.row = place.row || run.first_seen;
    result.results[test].Add(score.counts, place);
    if (!place.row) continue;
    DocRow& row = result.rows.emplace_back();
    row.counts = score.counts;
    row.group = ClipText(batch.group(item));
    row.id = ClipText(batch.name(item));
    row.length = item.size;
    row.n = score.n;
    row.offset = item.offset;
    row.ordinal = item.ordinal;
    row.part = item.part;
    row.s = score.statistic;
    row.test = test;
    row.text = TextDigest(item.is_text ? AsBytes(batch.text(item)) : std::span<const uint8_t>(BytesOfIds(ids)));
    for (auto [first, last] : scanner_.FindSpans(i, run.log10_tau())) {
      // A position that two layers score may end one span and begin the next.
      if (!row.spans.empty()) first = std::max(first, static_cast<uint32_t>(row.spans.back()[1]));
      if (first >= last || row.spans.size() == kMostSpans) continue;
      if (item.is_text) {
        row.spans.push_back({first, last, tokens_[first].begin, tokens_[last - 1].end});
      } else {
        row.spans.push_back({first, last, first, last});
      }
    }
  }
  // Keys come in another order than the tests of the run.
  std::sort(result.rows.begin() + static_cast<std::ptrdiff_t>(first_row), result.rows.end(),
            [](const DocRow& a, const DocRow& b) { return a.test < b.test; });
  return tested;
}

Result<void> BatchScanner::Scan(const RecordBatch& batch, BatchResult& result, const OnIds& on_ids) {
  result.counts = {};
  result.hits = 0;
  result.results.assign(setup_.run->tests.size(), {});
  for (UnitResult& each : result.results) each.histogram.assign(static_cast<size_t>(setup_.run->tau_hundredths), 0);
  result.rows.clear();
  result.groups.clear();
  result.tuples.clear();
  const bool has_normalised = !setup_.places.empty() && setup_.places.front().normalised.has_value();
  for (size_t i = 0; i < batch.items().size(); ++i) {
    const RecordBatch::Item& item = batch.items()[i];
    const size_t first_row = result.rows.size();
    ++result.counts.parts;
    bool tested = false;
    if (!item.is_text) {
      if (on_ids) VERDIGRIS_RETURN_IF_ERROR(on_ids(i, batch.ids(item)));
      VERDIGRIS_ASSIGN_OR_RETURN(tested, ScanVariant(batch, i, false, result));
    } else {
      const std::string_view text = batch.text(item);
      result.counts.text_bytes += text.size();
      result.counts.invalid_utf8 += !simdjson::validate_utf8(text.data(), text.size());
      const auto take_ids = [&] {
        ids_.resize(tokens_.size());
        for (size_t t = 0; t < tokens_.size(); ++t) ids_[t] = tokens_[t].id;
      };
      VERDIGRIS_RETURN_IF_ERROR(setup_.tokenizer->Encode(text, scratch_, tokens_));
      take_ids();
      if (on_ids) VERDIGRIS_RETURN_IF_ERROR(on_ids(i, ids_));
      VERDIGRIS_ASSIGN_OR_RETURN(tested, ScanVariant(batch, i, false, result));
      if (has_normalised) {
        VERDIGRIS_ASSIGN_OR_RETURN(const bool changed, setup_.normalised(text, scratch_, tokens_));
        if (changed) {
          take_ids();
          VERDIGRIS_ASSIGN_OR_RETURN(const bool also, ScanVariant(batch, i, true, result));
          tested = tested || also;
          std::sort(result.rows.begin() + static_cast<std::ptrdiff_t>(first_row), result.rows.end(),
                    [](const DocRow& a, const DocRow& b) { return a.test < b.test; });
        }
      }
    }
    ++(tested ? result.counts.tested : result.counts.untested);
  }
  return {};
}

}  // namespace verdigris::verify
