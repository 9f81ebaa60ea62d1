// The pocket model: a small language model of the Llama architecture, run on one core, for demonstrations and tests.
//
//   VERDIGRIS_ASSIGN_OR_RETURN(const PocketLm model, PocketLm::Load("datasets/pocket_lm"));
//   Session session(model);
//   const uint32_t start[] = {model.bos_id()};
//   VERDIGRIS_RETURN_IF_ERROR(session.Feed(start));
//   session.logits();  // of the next token: vocab() floats
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/pocket_lm/panels.h"
#include "watermark/context.h"  // IdRange
#include "watermark/result.h"

namespace verdigris::pocket {

struct Weights;

// The weights: immutable, shared by its copies and by every Session made from it, in any number of threads.
class PocketLm {
 public:
  // Reads config.json and model.safetensors of a folder as Hugging Face transformers writes it. Weights become float32.
  //
  // Errors   those of ReadFile, ReadConfig and ReadSafetensors, with the path; kMismatch for a tensor that the config
  //          does not have, or with another shape, and for one that is missing; kMalformed for a weight that is not
  //          finite.
  static Result<PocketLm> Load(const std::string& folder);

  uint32_t vocab() const;
  size_t context() const;  // tokens that decide about the next
  uint32_t bos_id() const;
  uint32_t eos_id() const;

 private:
  friend class Session;
  explicit PocketLm(std::shared_ptr<const Weights> weights) : weights_(std::move(weights)) {}

  std::shared_ptr<const Weights> weights_;
};

// One text that is being read or written. A copy goes its own way from where it was made. Not for two threads at a
// time.
class Session {
 public:
  explicit Session(const PocketLm& model);

  // Appends tokens. When the context is full and another token comes, the oldest half of it is dropped and the rest
  // computed anew, from position 0: from then on the session is as a fresh one that was fed the tokens that it holds.
  // So the tokens held depend on how many came, never on how they were divided among calls; and so do the logits, to
  // the last bit, in one build.
  //
  // Errors   kInvalidArgument: an id not below vocab(). Nothing is then appended.
  // Cost     one pass over the weights for each 32 tokens or a part of them.
  Result<void> Feed(std::span<const uint32_t> ids);

  // As Feed, and gives the logits after each of the tokens: what logits() would be, to the last bit, had they come one by
  // one.
  //
  // Shapes   rows: vocab() floats a token, of the first token first.
  // Errors   those of Feed; rows are then untouched.
  Result<void> FeedEach(std::span<const uint32_t> ids, std::span<float> rows);

  // Of the token that comes next, vocab() of them, before any softmax. Empty before the first token. Valid until the
  // next Feed. Weights made for it could give infinities and NaN.
  std::span<const float> logits() const { return logits_; }

  // Tokens held, at most context().
  size_t length() const { return ids_.size(); }
  std::span<const uint32_t> ids() const { return ids_; }

 private:
  Result<void> CheckIds(std::span<const uint32_t> ids) const;
  // Lets the oldest `count` tokens go, and all that was computed of the rest with them.
  void Forget(size_t count);
  // Computes ids_ from `position` on. The logits after the last `count` tokens go to `rows`.
  void Compute(size_t position, size_t count, float* rows);
  void ComputeBatch(std::span<const uint32_t> ids, size_t position, size_t wanted, float* rows);

  std::shared_ptr<const Weights> weights_;
  std::vector<uint32_t> ids_;
  // Of ids_, for each head of each layer. They grow with the text, up to the context.
  std::vector<Panels> keys_;
  std::vector<std::vector<float>> values_;
  std::vector<float> logits_;
};

// Takes tokens without a text, other than the end, out of a row: no model was ever taught to write one.
// Precondition: the ids are below logits.size().
void DropSpecials(std::span<const IdRange> special_ids, uint32_t eos_id, std::span<float> logits);

}  // namespace verdigris::pocket
