// Order of what can stop a mark, the same as at detection: short, special, repeated; then a row without choice. All
// checks of a row run before its first entry is written, so a refused row is untouched.
//
// Tested by tests/watermark/marker_test.cc (native.json `marks`, `biases`, `prices`, `eligibility`, `scored`) and
// tests/c_api/.
#include "watermark/marker.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "watermark/pool.h"

namespace verdigris {

struct Marker::Shared {
  Pool<Workspace> workspaces;
  auto Acquire() const {
    return workspaces.Acquire([] { return std::make_unique<Workspace>(); });
  }
};

Marker::Marker(Profile profile, Layers layers)
    : profile_(std::move(profile)), layers_(std::move(layers)), shared_(std::make_shared<const Shared>()) {}

Result<Marker> Marker::Create(const Profile& profile, std::span<const KeyFile* const> keys, const Expectations& expected) {
  const auto differs = [](const char* name, const std::string& wanted, const std::string& got) {
    return Fail(ErrorKind::kMismatch, std::string(name) + " is " + got + ", expected " + wanted);
  };
  if (expected.vocab && *expected.vocab != profile.vocab()) {
    return differs("vocab", std::to_string(*expected.vocab), std::to_string(profile.vocab()));
  }
  if (expected.tokenizer_sha256 && *expected.tokenizer_sha256 != profile.tokenizer_sha256()) {
    return differs("tokenizer_sha256", Hex(*expected.tokenizer_sha256), Hex(profile.tokenizer_sha256()));
  }
  if (expected.scheme_id && *expected.scheme_id != profile.scheme_id()) {
    return differs("scheme_id", Hex(*expected.scheme_id), Hex(profile.scheme_id()));
  }
  VERDIGRIS_ASSIGN_OR_RETURN(Layers layers, Layers::Create(profile, keys));
  const auto missing = [](const char* role) {
    return Fail(ErrorKind::kFailedPrecondition, std::string("the profile needs a ") + role + " key");
  };
  if (profile.has_provider_layer() && !layers.Has(Layer::kProvider)) return missing("provider");
  if (profile.needs_selector() && !layers.has_selector()) return missing("selector");
  if (profile.has_account_layer() && !layers.Has(Layer::kAccount)) return missing("account");
  if (expected.epoch && *expected.epoch != layers.epoch()) {
    return differs("epoch", std::to_string(*expected.epoch), std::to_string(layers.epoch()));
  }
  return Marker(profile, std::move(layers));
}

Result<Marker> Marker::WithAccount(const KeyFile& account) const {
  VERDIGRIS_ASSIGN_OR_RETURN(Layers layers, layers_.WithAccount(profile_, account));
  Marker copy = *this;
  copy.layers_ = std::move(layers);
  return copy;
}

Result<History::NextState> Marker::StateOf(std::span<const uint32_t> output, Repeat repeat) const {
  if (repeat != Repeat::kFind && repeat != Repeat::kNew && repeat != Repeat::kRepeated) {
    return Fail(ErrorKind::kInvalidArgument, "repeat must be 0, 1 or 2, got " + std::to_string(static_cast<int>(repeat)));
  }
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(output));
  const size_t h = profile_.window();
  if (output.size() < h) return History::NextState::kShort;
  const bool repeated = repeat == Repeat::kRepeated || (repeat == Repeat::kFind && WindowIsRepeated(output, h));
  return repeated ? History::NextState::kRepeated : History::NextState::kNew;
}

Result<Price> Marker::PriceOf(const uint32_t* window, History::NextState state) const {
  Price price;
  if (state == History::NextState::kShort) {
    price.state = MarkState::kShort;
    return price;
  }
  const size_t h = profile_.window();
  VERDIGRIS_RETURN_IF_ERROR(CheckIds({window, h}));
  if (profile_.special_ids().ContainsAny(window, h)) {
    price.state = MarkState::kSpecial;
    return price;
  }
  if (state == History::NextState::kRepeated) {
    price.state = MarkState::kRepeated;
    return price;
  }
  if (state != History::NextState::kNew) {
    return Fail(ErrorKind::kInvalidArgument, "state must be 1, 2 or 3, got " + std::to_string(static_cast<int>(state)));
  }
  price.state = MarkState::kMarked;
  layers_.Assign(profile_, &window, 1, &price.layer);
  return price;
}

Result<Price> Marker::Locate(std::span<const uint32_t> output, Repeat repeat) const {
  VERDIGRIS_ASSIGN_OR_RETURN(const History::NextState state, StateOf(output, repeat));
  return PriceOf(output.data() + output.size() - std::min(output.size(), profile_.window()), state);
}

Result<Price> Marker::Mark(std::span<const uint32_t> output, Repeat repeat, Mode mode, const Row& row, double scale) const {
  VERDIGRIS_ASSIGN_OR_RETURN(const History::NextState state, StateOf(output, repeat));
  return MarkWindow(output.data() + output.size() - std::min(output.size(), profile_.window()), state, mode, row, scale);
}

Result<Price> Marker::Mask(std::span<const uint32_t> output, Repeat repeat, std::span<uint8_t> mask) const {
  VERDIGRIS_ASSIGN_OR_RETURN(const History::NextState state, StateOf(output, repeat));
  return MaskWindow(output.data() + output.size() - std::min(output.size(), profile_.window()), state, mask);
}

Result<Price> Marker::MaskWindow(const uint32_t* window, History::NextState state, std::span<uint8_t> mask) const {
  const Scheme& scheme = profile_.scheme();
  VERDIGRIS_ASSIGN_OR_RETURN(const Price price, PriceOf(window, state));
  if (scheme.mask == nullptr) {
    return Fail(ErrorKind::kNotSupported, "scheme " + std::string(scheme.name) + " has no mask");
  }
  if (mask.size() != mask_bytes()) {
    return Fail(ErrorKind::kInvalidArgument, "mask_bytes must be " + std::to_string(mask_bytes()) + ", got " + std::to_string(mask.size()));
  }
  if (price.state != MarkState::kMarked) {
    std::memset(mask.data(), 0, mask.size());
    return price;
  }
  const Prf& prf = layers_.prf(price.layer);
  scheme.mask(profile_, prf, prf.mac().TagOf(window, profile_.window()), nullptr, profile_.vocab(), mask.data());
  ClearBits(profile_.special_ids().ranges(), mask.data());
  return price;
}

Result<Price> Marker::MarkWindow(const uint32_t* window, History::NextState state, Mode mode, const Row& row, double scale) const {
  const Scheme& scheme = profile_.scheme();
  // First, as Mark does, so that a row with two faults has the same code by either way.
  VERDIGRIS_ASSIGN_OR_RETURN(Price price, PriceOf(window, state));
  VERDIGRIS_RETURN_IF_ERROR(CheckRow(row));
  if (mode == Mode::kBias) {
    if (scheme.mask == nullptr || profile_.sampler().specials != SamplerSettings::Specials::kPlain || row.type == LogitType::kF64) {
      return Fail(ErrorKind::kNotSupported, "bias mode needs scheme green with specials plain");
    }
    if (!(scale > 0 && scale <= 100)) return Fail(ErrorKind::kInvalidArgument, "scale must be in (0,100], got " + std::to_string(scale));
  } else if (mode != Mode::kDistribution) {
    return Fail(ErrorKind::kInvalidArgument, "mode must be 1 or 2, got " + std::to_string(static_cast<int>(mode)));
  }
  const auto workspace = shared_->Acquire();
  const uint32_t* ids = nullptr;
  if (row.ids != nullptr) {
    VERDIGRIS_RETURN_IF_ERROR(LoadIds(row, *workspace));
    ids = workspace->ids.data();
  }
  // Narrow types and strided rows are worked on in a packed copy; packed binary32 and binary64 in place.
  const bool in_place = (row.type == LogitType::kF32 || row.type == LogitType::kF64) &&
                        (row.logit_stride == 0 || row.logit_stride == SizeOf(row.type)) &&
                        reinterpret_cast<uintptr_t>(row.logits) % SizeOf(row.type) == 0;
  if (row.type == LogitType::kF64 && !in_place) return Fail(ErrorKind::kInvalidArgument, "binary64 rows must be packed");
  float* logits = static_cast<float*>(row.logits);
  if (!in_place) {
    workspace->logits.resize(row.count);
    logits = workspace->logits.data();
    LoadLogits(row, logits);
  }

  RowScan<float> scan{};
  RowScan<double> scan_f64{};
  if (mode == Mode::kDistribution) {
    if (row.type == LogitType::kF64) {
      VERDIGRIS_ASSIGN_OR_RETURN(scan_f64, ScanRow(static_cast<double*>(row.logits), row.count));
      scan.finite = scan_f64.finite;
    } else {
      VERDIGRIS_ASSIGN_OR_RETURN(scan, ScanRow(logits, row.count));
    }
  }
  if (price.state != MarkState::kMarked) return price;

  const Prf& prf = layers_.prf(price.layer);
  const Tag tag = prf.mac().TagOf(window, profile_.window());
  FindSpecial(profile_.special_ids(), ids, row.count, workspace->special);
  if (mode == Mode::kBias) {
    workspace->bits.resize((row.count + 7) / 8);
    scheme.mask(profile_, prf, tag, ids, row.count, workspace->bits.data());
    ClearBits(workspace->special, workspace->bits.data());
    AddWhere(workspace->bits.data(), row.count, static_cast<float>(profile_.delta_nats() * scale), logits);
  } else {
    const auto no_choice = [&](const auto* values, size_t finite) {
      size_t special = 0;
      for (const IdRange& range : workspace->special) {
        for (size_t i = range.first; i <= range.last; ++i) special += std::isfinite(values[i]);
      }
      return finite < 2 || special == finite;
    };
    Masses masses;
    if (row.type == LogitType::kF64) {
      auto* values = static_cast<double*>(row.logits);
      if (no_choice(values, scan_f64.finite)) {
        price.state = MarkState::kNoChoice;
        return price;
      }
      scheme.mark_f64(profile_, prf, tag, {values, ids, row.count, scan_f64.max, scan_f64.finite, workspace->special}, *workspace, &masses);
    } else {
      if (no_choice(logits, scan.finite)) {
        price.state = MarkState::kNoChoice;
        return price;
      }
      scheme.mark_f32(profile_, prf, tag, {logits, ids, row.count, scan.max, scan.finite, workspace->special}, *workspace, &masses);
    }
    price.masses = masses;
  }
  if (!in_place) StoreLogits(logits, row);
  return price;
}

Result<PositionScore> Marker::ScoreToken(std::span<const uint32_t> window, uint32_t id) const {
  if (window.size() != profile_.window()) {
    return Fail(ErrorKind::kInvalidArgument, "window must have " + std::to_string(profile_.window()) + " ids, got " + std::to_string(window.size()));
  }
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(window));
  VERDIGRIS_RETURN_IF_ERROR(CheckIds({&id, 1}));
  PositionScore result;
  const SpecialIds& special = profile_.special_ids();
  if (special.Contains(id) || special.ContainsAny(window.data(), window.size())) {
    result.state = PositionState::kSpecial;
    return result;
  }
  const uint32_t* data = window.data();
  layers_.Assign(profile_, &data, 1, &result.layer);
  layers_.Score(profile_, result.layer, &data, &id, 1, &result.score);
  return result;
}

Result<std::array<LayerTotal, 2>> Marker::ScoreSequence(std::span<const uint32_t> ids, Rule rule, PositionScore* each) const {
  if (ids.size() > kMostIds) return Fail(ErrorKind::kLimit, "more than 2^31 ids");
  VERDIGRIS_RETURN_IF_ERROR(CheckIds(ids));
  const size_t h = profile_.window();
  std::vector<PositionState> states;
  PositionClassifier classifier;
  classifier.Classify(ids, h, profile_.special_ids(), rule, states);
  std::vector<uint32_t> counted;
  classifier.FirstOfEachTuple(ids, h, rule, states, counted);
  if (each != nullptr) {
    for (size_t t = 0; t < ids.size(); ++t) each[t] = {Layer::kNone, states[t], /*duplicate=*/states[t] == PositionState::kEligible, 0};
    for (const uint32_t t : counted) each[t].duplicate = false;
  }
  std::vector<const uint32_t*> windows;
  windows.reserve(counted.size());
  for (const uint32_t t : counted) windows.push_back(ids.data() + t - h);
  std::vector<Layer> layers(counted.size());
  layers_.Assign(profile_, windows.data(), windows.size(), layers.data());
  std::array<LayerTotal, 2> totals{};
  for (const Layer layer : {Layer::kProvider, Layer::kAccount}) {
    std::vector<const uint32_t*> layer_windows;
    std::vector<uint32_t> layer_ids;
    std::vector<size_t> positions;
    for (size_t i = 0; i < counted.size(); ++i) {
      if (layers[i] != layer) continue;
      layer_windows.push_back(windows[i]);
      layer_ids.push_back(ids[counted[i]]);
      positions.push_back(counted[i]);
    }
    if (positions.empty()) continue;
    std::vector<uint64_t> scores(positions.size());
    layers_.Score(profile_, layer, layer_windows.data(), layer_ids.data(), positions.size(), scores.data());
    LayerTotal& total = totals[layer == Layer::kProvider ? 0 : 1];
    total.n = positions.size();
    for (size_t i = 0; i < positions.size(); ++i) {
      total.statistic += scores[i];
      if (each != nullptr) {
        each[positions[i]].layer = layer;
        each[positions[i]].score = scores[i];
      }
    }
  }
  return totals;
}

}  // namespace verdigris
