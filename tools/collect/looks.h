// Where collecting stops to be judged (suspect-models.md M2.5, M10.1): the seam between `investigate collect` and
// `investigate test`.
#pragma once

#include <cstdint>
#include <functional>

#include "verify/suspect/answers.h"
#include "watermark/result.h"

namespace verdigris::tools {

struct LookPoint {
  enum class Kind { kLook, kFutility } kind = Kind::kLook;
  size_t number = 0;    // of a look: j, from 1
  uint64_t tokens = 0;  // planned size n_j, answer tokens
  // The look takes the first `lines` lines of answers.jsonl, and no more: those up to the one that reaches the size.
  uint64_t lines = 0;
};

enum class LookOutcome {
  kContinue,
  kDetected,  // the result is at most alpha: nothing more is asked
  kFutile,    // p > .5 and the planned effect would have been found: nothing more is asked
  kPause,     // stop here, and go on from here another time
};

// Called while no request is in flight and everything so far is stored. An error ends the run; the look is then not recorded,
// and comes again.
using JudgeLook = std::function<Result<LookOutcome>(const verify::InvestigationFiles&, const LookPoint&)>;

}  // namespace verdigris::tools
