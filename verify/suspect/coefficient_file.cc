// Tested by tests/verify/suspect/coefficient_file_test.cc and tests/fuzz/fuzz_coefficients.cc.
#include "verify/suspect/coefficient_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "verify/file.h"
#include "verify/members.h"
#include "watermark/json.h"

namespace verdigris::verify {
namespace {

constexpr size_t kMaxLineBytes = 4096, kPieceBytes = size_t{1} << 20, kMostSets = kMaxReferences + 1;

Unexpected Malformed(std::string what) { return Fail(ErrorKind::kMalformed, std::move(what)); }

// -1, 0, 1 as the row (w, id) is before, the same as, or after the last one of `windows` and `ids`.
int Compare(const uint32_t* w, uint32_t id, const uint32_t* other, uint32_t other_id, size_t h) {
  for (size_t i = 0; i < h; ++i) {
    if (w[i] != other[i]) return w[i] < other[i] ? -1 : 1;
  }
  return id == other_id ? 0 : id < other_id ? -1 : 1;
}

}  // namespace

Result<void> WriteCoefficients(const Trial& trial, size_t window, const std::function<Result<void>(std::string_view)>& write) {
  std::string out;
  const size_t sets = trial.process() == nullptr ? 1 : trial.process()->sets().size();
  if (trial.sequential()) {
    out = trial.grid_of_steps() ? R"({"grid":"step")" : R"({"grid":"sd")";
    if (sets > 1) out += ",\"sets\":" + std::to_string(sets);
    if (!trial.grid_of_steps()) out += ",\"sum_sq\":\"" + std::to_string(trial.sum_squares()) + "\"";
    out += "}\n";
  }
  for (size_t i = 0; i < trial.scored(); ++i) {
    out += "{\"a\":";
    if (sets > 1) {
      for (size_t s = 0; s < sets; ++s) out += (s == 0 ? "[" : ",") + std::to_string(trial.process()->sets()[s][i]);
      out += "]";
    } else {
      out += std::to_string(trial.coefficient(i));
    }
    out += ",\"id\":" + std::to_string(trial.id(i)) + ",\"w\":";
    for (size_t j = 0; j < window; ++j) out += (j == 0 ? "[" : ",") + std::to_string(trial.window(i)[j]);
    out += "]}\n";
    if (out.size() < kPieceBytes) continue;
    VERDIGRIS_RETURN_IF_ERROR(write(out));
    out.clear();
  }
  return write(out);
}

Result<void> CoefficientRows::AddGrid(const Json& json) {
  Members members(json, "");
  const std::string grid = members.Text("grid", 1, 16);
  if (members.ok() && grid != "step" && grid != "sd") return Fail(ErrorKind::kUnsupported, "grid is none that is known");
  if (json.Find("sets") != nullptr) sets_ = members.Integer("sets", 2, kMostSets);
  steps_ = grid == "step";
  if (members.ok() && !steps_) {
    const std::string sum = members.Text("sum_sq", 1, 20);
    const auto [end, error] = std::from_chars(sum.data(), sum.data() + sum.size(), sum_squares_);
    if (error != std::errc() || end != sum.data() + sum.size() || (sum.size() > 1 && sum[0] == '0')) members.Fault("sum_sq", "must be a decimal number");
  }
  has_grid_ = true;
  return members.Done();
}

Result<void> CoefficientRows::AddLine(std::string_view line) {
  if (line.size() > kMaxLineBytes) return Fail(ErrorKind::kLimit, "the line is longer than 4096 bytes");
  VERDIGRIS_ASSIGN_OR_RETURN(const Json json, ParseCanonicalJson(line));
  if (sequential_ && !has_grid_) {
    VERDIGRIS_RETURN_IF_ERROR(AddGrid(json));
    coefficients_.resize(sets_);
    return {};
  }
  coefficients_.resize(sets_);
  Members members(json, "");
  const Json* a = members.Take("a");
  std::vector<int32_t> values;
  const auto take = [&](const Json& value) {
    if (value.integer() != nullptr && std::abs(*value.integer()) <= kMostCoefficient) values.push_back(static_cast<int32_t>(*value.integer()));
  };
  if (a != nullptr && sets_ == 1) take(*a);
  if (a != nullptr && sets_ > 1 && a->array() != nullptr && a->array()->size() == sets_) std::for_each(a->array()->begin(), a->array()->end(), take);
  if (values.size() != sets_ || std::all_of(values.begin(), values.end(), [](int32_t v) { return v == 0; })) {
    members.Fault("a", sets_ == 1 ? "must be an integer in [-1023,1023], and not 0" : "must be as many integers in [-1023,1023] as there are sets, and not all 0");
  }
  const auto id = static_cast<uint32_t>(members.Integer("id", 0, kIdLimit - 1));
  const std::vector<uint64_t> ids = members.Integers("w", window_, kIdLimit - 1);
  if (members.ok() && ids.size() != window_) members.Fault("w", "must be a window of " + std::to_string(window_) + " ids");
  VERDIGRIS_RETURN_IF_ERROR(members.Done());
  std::vector<uint32_t> w(ids.begin(), ids.end());
  const uint32_t* last = ids_.empty() ? nullptr : windows_.data() + windows_.size() - window_;
  // Under `process` windows come in their own order, and Finish asks whether one came twice.
  const bool ascends = last == nullptr || (sequential_ && !std::equal(w.begin(), w.end(), last)) || Compare(w.data(), id, last, ids_.back(), window_) > 0;
  if (!ascends) return Malformed("rows must ascend by w and then id");
  AddRow(w.data(), id, values);
  return {};
}

void CoefficientRows::AddRow(const uint32_t* w, uint32_t id, std::span<const int32_t> values) {
  const bool new_window = ids_.empty() || !std::equal(w, w + window_, windows_.data() + windows_.size() - window_);
  if (new_window) window_ends_.push_back(0);
  windows_.insert(windows_.end(), w, w + window_);
  ids_.push_back(id);
  for (size_t s = 0; s < sets_; ++s) coefficients_[s].push_back(values[s]);
  window_ends_.back() = ids_.size();
}

CoefficientRows CoefficientRows::Of(const Trial& trial, size_t window, const std::vector<bool>& left_out) {
  CoefficientRows rows(window, trial.sequential());
  rows.has_grid_ = trial.sequential();
  rows.steps_ = trial.grid_of_steps();
  rows.sum_squares_ = trial.sum_squares();
  rows.sets_ = trial.process() == nullptr ? 1 : trial.process()->sets().size();
  rows.coefficients_.resize(rows.sets_);
  std::vector<int32_t> values(rows.sets_);
  size_t at = 0;  // of the window
  for (size_t i = 0; i < trial.scored(); ++i) {
    if (i > 0 && !std::equal(trial.window(i), trial.window(i) + window, trial.window(i - 1))) ++at;
    if (!left_out.empty() && left_out[at]) continue;
    for (size_t s = 0; s < rows.sets_; ++s) values[s] = trial.process() == nullptr ? trial.coefficient(i) : trial.process()->sets()[s][i];
    rows.AddRow(trial.window(i), trial.id(i), values);
  }
  return rows;
}

Result<void> CoefficientRows::Finish() {
  if (!sequential_) return {};
  if (!has_grid_) return Malformed("the grid line is missing");
  std::vector<const uint32_t*> windows;
  for (const size_t end : window_ends_) windows.push_back(windows_.data() + (end - 1) * window_);
  std::sort(windows.begin(), windows.end(), [&](const uint32_t* a, const uint32_t* b) { return std::lexicographical_compare(a, a + window_, b, b + window_); });
  const auto same = [&](const uint32_t* a, const uint32_t* b) { return std::equal(a, a + window_, b); };
  if (std::adjacent_find(windows.begin(), windows.end(), same) != windows.end()) return Malformed("a window comes twice");
  return {};
}

Result<CoefficientRows> ReadCoefficients(const std::string& path, size_t window, bool sequential) {
  VERDIGRIS_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kMaxLineBytes));
  CoefficientRows rows(window, sequential);
  for (std::string_view line;;) {
    VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) break;
    if (auto added = rows.AddLine(line); !added) return Fail(added.error().kind, reader.Place() + ": " + added.error().message);
  }
  if (auto done = rows.Finish(); !done) return Fail(done.error().kind, path + ": " + done.error().message);
  return rows;
}

Result<TrialOutcome> OutcomeOf(const Profile& profile, const CoefficientRows& rows, std::span<const uint8_t, kKeyBytes> layer_key) {
  TrialRows given{!rows.sequential_ ? TrialRows::Kind::kFixed : rows.steps_ ? TrialRows::Kind::kSteps : TrialRows::Kind::kLog,
                  {}, rows.window_ends_, rows.coefficients_, rows.sum_squares_};
  for (size_t i = 0; i < rows.rows(); ++i) {
    const uint32_t* window = rows.windows_.data() + i * rows.window_;
    if (profile.special_ids().Contains(rows.ids_[i]) || profile.special_ids().ContainsAny(window, rows.window_)) {
      return Malformed("row " + std::to_string(i + 1) + " has a special id");
    }
    given.tuples.windows.push_back(window);
    given.tuples.ids.push_back(rows.ids_[i]);
  }
  if (given.sets.empty()) given.sets.emplace_back();
  VERDIGRIS_ASSIGN_OR_RETURN(Trial trial, Trial::OfRows(profile, std::move(given)));
  return trial.Run(layer_key);
}

}  // namespace verdigris::verify
