// The p of the whole text so far would be wrong here: who stops when it is small has looked at many. Both p in use hold
// over all looks (statistics.md section 6). Tested by tests/cli/detect_watch.sh.
#include "tools/watch.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <system_error>

#include <nlohmann/json.hpp>

#include "verify/locate.h"
#include "verify/martingale.h"
#include "verify/looking_power.h"
#include "verify/stream.h"

namespace verdigris::tools {
namespace {

using Test = verify::JudgeOptions::Test;

// White-space-separated decimal ids of a descriptor, as they come.
class IdReader {
 public:
  explicit IdReader(int descriptor) : descriptor_(descriptor) {}

  // The next id; none at the end.
  Result<std::optional<uint32_t>> Next() {
    std::string word;
    for (;;) {
      if (at_ == size_) {
        VERDIGRIS_ASSIGN_OR_RETURN(const bool more, Fill());
        if (!more) break;
      }
      const char c = buffer_[at_++];
      const bool white = c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
      if (!white) {
        word += c;
        if (word.size() > kMostDigits) return TooLarge();
      } else if (!word.empty()) {
        break;
      }
    }
    if (word.empty()) return std::optional<uint32_t>();
    uint32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error == std::errc::result_out_of_range || (error == std::errc() && id >= kIdLimit)) return TooLarge();
    if (error != std::errc() || end != word.data() + word.size()) return Fail(ErrorKind::kMalformed, "-: token ids: not a decimal number" + Place());
    ++index_;
    return std::optional(id);
  }

 private:
  static constexpr size_t kMostDigits = 20;

  std::string Place() const { return " at index " + std::to_string(index_); }
  Unexpected TooLarge() const {
    return Fail(ErrorKind::kLimit, "-: token ids: id too large" + Place() + ", the largest is " + std::to_string(kIdLimit - 1));
  }

  Result<bool> Fill() {
    ssize_t got;
    do got = ::read(descriptor_, buffer_, sizeof buffer_);
    while (got < 0 && errno == EINTR);
    if (got < 0) return Fail(ErrorKind::kIo, "-: " + std::error_code(errno, std::generic_category()).message());
    at_ = 0;
    size_ = static_cast<size_t>(got);
    return got > 0;
  }

  int descriptor_;
  size_t at_ = 0, size_ = 0;
  uint64_t index_ = 0;
  char buffer_[4096];
};

std::string Line(const verify::TokenStream::Counts& counts, double anytime, double located, bool json) {
  if (json) {
    return nlohmann::ordered_json{{"tokens", counts.tokens}, {"scored", counts.scored}, {"log10_p_anytime", anytime}, {"log10_p_located", located}}.dump() + "\n";
  }
  return "token " + std::to_string(counts.tokens) + ": " + std::to_string(counts.scored) + " scored, p anytime 10^" + verify::FourPlacesUp(anytime) +
         ", located 10^" + verify::FourPlacesUp(located) + "\n";
}

}  // namespace

Result<ExitCode> Watch(const Judge& judge, int descriptor, bool json, Context& context) {
  const Profile& profile = judge.profile();
  if (judge.keys.tests().size() != 1) return Fail(ErrorKind::kInvalidArgument, "--watch takes the keys of one test: a provider, one account, or both");
  if (judge.options.test != Test::kFixed && judge.options.test != Test::kAnytime && judge.options.test != Test::kLocalized) {
    return Fail(ErrorKind::kInvalidArgument, "--watch decides by --test anytime or localized");
  }
  const bool localized = judge.options.test == Test::kLocalized;
  const verify::JudgeKeys::Test& test = judge.keys.tests().front();
  const NullLaw law = profile.scheme().null_law(profile);
  const double log10_alpha = std::log10(judge.options.alpha);

  verify::TokenStream stream(profile, judge.options.rule);
  verify::RunningMaximum running(law);
  verify::StreamLocator locator(law);
  IdReader reader(descriptor);
  bool detected = false;
  double shown = 0;
  const auto anytime = [&] { return 0.0 - running.log10_max(); };
  const auto located = [&] { return 0.0 - locator.log10_max(); };
  const auto score = [&](Layer layer, uint32_t id) {
    const uint32_t* window = stream.window();
    uint64_t value = 0;
    test.layers.Score(profile, layer, &window, &id, 1, &value);
    running.Push(value);
    locator.Push(value);
  };
  while (!detected && !context.out.lost()) {
    VERDIGRIS_ASSIGN_OR_RETURN(const std::optional<uint32_t> id, reader.Next());
    if (!id) break;
    if (!stream.Push(*id)) continue;
    Layer layer = Layer::kNone;
    const uint32_t* window = stream.window();
    if (!judge.keys.without_selector()) test.layers.Assign(profile, &window, 1, &layer);
    if (test.provider && layer != Layer::kAccount) score(Layer::kProvider, *id);
    if (test.account && layer != Layer::kProvider) score(Layer::kAccount, *id);
    const double deciding = localized ? located() : anytime();
    detected = verify::Detects(deciding, log10_alpha);
    if (deciding > shown - 1 || detected) continue;
    shown = std::ceil(deciding);
    context.out.Write(Line(stream.counts(), anytime(), located(), json));
    context.out.Flush();
  }

  const verify::TokenStream::Counts& counts = stream.counts();
  const double effect = profile.scheme().reference_effect(profile);
  const double power = localized ? verify::PowerLocated(law, running.n(), effect, log10_alpha)
                                 : verify::PowerAtAnyTime(law, running.n(), effect, log10_alpha);
  const ExitCode code = detected ? kExitYes : power >= 0.9 ? kExitNo : kExitUndecided;
  if (json) {
    nlohmann::ordered_json last = {{"schema", "verdigris.watch/1"},
                                   {"verdict", detected ? "detected" : code == kExitNo ? "not_detected" : "inconclusive"},
                                   {"verdict_by", localized ? "log10_p_located" : "log10_p_anytime"},
                                   {"alpha", judge.options.alpha},
                                   {"log10_p_anytime", anytime()},
                                   {"log10_p_located", located()},
                                   {"scheme", profile.scheme().name},
                                   {"scheme_id", Hex(profile.scheme_id())},
                                   {"counts", {{"tokens", counts.tokens}, {"short", counts.short_}, {"special", counts.special},
                                               {"repeated", counts.repeated}, {"left_out", counts.left_out}, {"distinct", counts.scored}}},
                                   {"n", running.n()}};
    context.out.Write(last.dump() + "\n");
  } else {
    context.out.Write(Line(counts, anytime(), located(), false));
    const std::string alpha = " at alpha " + PrintReal(judge.options.alpha);
    context.out.Write(detected ? "detected" + alpha + "\n"
                      : code == kExitNo ? "not detected" + alpha + "; this is no evidence that the text is unrelated\n"
                                        : "inconclusive" + alpha + ": too little text, so nothing follows either way\n");
  }
  return code;
}

}  // namespace verdigris::tools
