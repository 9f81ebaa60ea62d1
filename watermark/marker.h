// The marking call: profile + keys -> Marker; Marker + output so far + a row of logits -> the row, marked.
//
// Nothing is remembered between two calls (native-schemes.md N10.2): the caller hands in the ids of this answer so far,
// without the prompt, and a call may be repeated without effect. A Marker is immutable and serves any number of threads.
//
//   auto marker = Marker::Create(profile, keys);
//   auto price = marker->Mark(output_ids, Repeat::kFind, Mode::kDistribution, {LogitType::kF32, logits, vocab});
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "watermark/context.h"
#include "watermark/key_file.h"
#include "watermark/layers.h"
#include "watermark/profile.h"
#include "watermark/result.h"
#include "watermark/row.h"

namespace verdigris {

enum class Mode : int32_t {
  kBias = 1,          // adds delta in place; schemes with a mask, specials `plain`
  kDistribution = 2,  // softmax of the row is P; ln Q is written back, -inf where Q = 0
};

enum class Repeat : int32_t { kFind = 0, kNew = 1, kRepeated = 2 };

// What became of one position, and what it cost. A row that is not marked stays as it is, to the bit.
struct Price {
  MarkState state = MarkState::kOff;
  Layer layer = Layer::kNone;
  std::optional<Masses> masses;  // in distribution mode, where marked
};

// What a caller believes of the profile; a difference is kMismatch.
struct Expectations {
  std::optional<uint32_t> epoch;
  std::optional<uint32_t> vocab;
  std::optional<Digest> tokenizer_sha256;
  std::optional<Digest> scheme_id;
};

struct PositionScore {
  Layer layer = Layer::kNone;
  PositionState state = PositionState::kEligible;
  bool duplicate = false;  // eligible, but a tuple met before in the same call
  uint64_t score = 0;
};

struct LayerTotal {
  uint64_t n = 0;
  uint64_t statistic = 0;
};

class Marker {
 public:
  // Keys as Layers::Create. Errors: its own; kFailedPrecondition where a key that the share asks for is missing;
  // kMismatch for an expectation.
  static Result<Marker> Create(const Profile& profile, std::span<const KeyFile* const> keys, const Expectations& expected = {});
  // The same provider and selector, another account.
  Result<Marker> WithAccount(const KeyFile& account) const;

  const Profile& profile() const { return profile_; }
  const Layers& layers() const { return layers_; }
  size_t mask_bytes() const { return (size_t{profile_.vocab()} + 7) / 8; }

  // Marks one row.
  //
  // Shapes   output: ids of this answer so far, oldest first; the last h are enough where repeat is not kFind.
  // Units    logits in nats; bias adds binary32(delta * scale), scale in (0,100], the temperature where the hook lies
  //          before it, else 1.
  // Errors   kInvalidArgument (row, ids, scale, a value that is NaN or +inf in distribution mode), kNotSupported (bias
  //          with a scheme or profile that has none); the logits are then untouched.
  // Cost     distribution: one exponential an entry; no allocation once warm. May throw std::bad_alloc.
  Result<Price> Mark(std::span<const uint32_t> output, Repeat repeat, Mode mode, const Row& row, double scale = 1) const;

  // The applied mask (N8.1): mask_bytes() bytes, special ids cleared; zeros unless the state is kMarked.
  Result<Price> Mask(std::span<const uint32_t> output, Repeat repeat, std::span<uint8_t> mask) const;

  // As Mark and Mask for a window whose state the caller knows (h ids; see History::Peek).
  Result<Price> MarkWindow(const uint32_t* window, History::NextState state, Mode mode, const Row& row, double scale = 1) const;
  Result<Price> MaskWindow(const uint32_t* window, History::NextState state, std::span<uint8_t> mask) const;

  // Where the next token stands: kMarked if it would be marked, and its window's layer.
  Result<Price> Locate(std::span<const uint32_t> output, Repeat repeat) const;

  // One tuple; window has h ids.
  Result<PositionScore> ScoreToken(std::span<const uint32_t> window, uint32_t id) const;
  // One answer: a state and score for each position (`each` may be null, else ids.size() entries), and the totals of the
  // provider's and the account's layer. A layer without key cannot occur in a Marker.
  // Errors   kInvalidArgument: an id from kIdLimit on; kLimit: more than kMostIds ids.
  Result<std::array<LayerTotal, 2>> ScoreSequence(std::span<const uint32_t> ids, Rule rule, PositionScore* each) const;

 private:
  struct Shared;  // pool of workspaces

  Marker(Profile profile, Layers layers);
  // Whether and under which layer a window is marked.
  Result<Price> PriceOf(const uint32_t* window, History::NextState state) const;
  Result<History::NextState> StateOf(std::span<const uint32_t> output, Repeat repeat) const;

  Profile profile_;
  Layers layers_;
  std::shared_ptr<const Shared> shared_;
};

}  // namespace verdigris
