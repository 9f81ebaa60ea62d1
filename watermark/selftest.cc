// The example of native-schemes.md N13, from the master key to a marked row, and the same key and window in the other
// schemes. The numbers are the specification's and those of its second implementation.
//
// Tested by tests/c_api/c_api_test.c.
#include "watermark/selftest.h"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/marker.h"
#include "watermark/profile.h"

namespace verdigris {
namespace {

constexpr std::string_view kSchemeObject =
    R"({"normaliser":"none/1","planes":2,"prf":"verdigris/1/aes256","provider_share":128,"scheme":"green","threshold":1,)"
    R"("tokenizer_sha256":"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d","unmarked_ids":[[0,2]],)"
    R"("vocab":32000,"window":2})";

Result<void> Expect(bool equal, const char* what) {
  if (equal) return {};
  return Fail(ErrorKind::kInternal, std::string("self-test: ") + what + " differs");
}

// A word scheme under the layer key of N13: scores of ids 3186 and 61, and Q for the row below.
struct WordScheme {
  std::string_view members;  // of its scheme object that others lack
  uint64_t scores[2];
  double q[5];
};
constexpr WordScheme kWordSchemes[] = {
    {R"("scheme":"gumbel",)", {449964090, 3577358478}, {0.85, 0, 0, 0, 0.15}},
    {R"("layers":30,"scheme":"tournament",)", {28, 25}, {0.0004806412122193, 0.751836588099713, 0.0000195855087989, 0.0976631851792687, 0.15}},
    {R"("scheme":"multichannel","segments":20,)", {0, 1}, {0, 0, 0, 0.85, 0.15}},
};

Result<void> TestWordScheme(const WordScheme& known, const Prf& prf, const Tag& tag) {
  std::string text = R"({"normaliser":"none/1","prf":"verdigris/1/aes256","provider_share":256,)";
  text += known.members;
  text += R"("tokenizer_sha256":"5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d","unmarked_ids":[[0,2]],)"
          R"("vocab":32000,"window":2})";
  VERDIGRIS_ASSIGN_OR_RETURN(const Json object, ParseJson(text));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, Profile::Create(object, {}));
  const std::array<Tag, 2> tags{tag, tag};
  const std::array<uint32_t, 2> scored{3186, 61};
  uint64_t scores[2];
  profile.scheme().score(profile, prf, tags, scored, scores);
  VERDIGRIS_RETURN_IF_ERROR(Expect(scores[0] == known.scores[0] && scores[1] == known.scores[1], "score of a word scheme"));
  const uint32_t ids[] = {3, 6, 4, 61, 2};
  double logits[] = {std::log(0.2), std::log(0.3), std::log(0.1), std::log(0.25), std::log(0.15)};
  const std::vector<IdRange> special{{4, 4}};
  Workspace workspace;
  profile.scheme().mark_f64(profile, prf, tag, {logits, ids, std::size(ids), logits[1], std::size(ids), special}, workspace, nullptr);
  for (size_t i = 0; i < std::size(ids); ++i) {
    VERDIGRIS_RETURN_IF_ERROR(Expect(std::fabs(std::exp(logits[i]) - known.q[i]) < 1e-12, "row marked by a word scheme"));
  }
  return {};
}

}  // namespace

Result<void> SelfTest() {
  VERDIGRIS_ASSIGN_OR_RETURN(const Json scheme, ParseCanonicalJson(kSchemeObject));
  VERDIGRIS_ASSIGN_OR_RETURN(const Profile profile, Profile::Create(scheme, {}));
  VERDIGRIS_RETURN_IF_ERROR(Expect(
      Hex(profile.scheme_id()) == "ff4d73df1e7bf161b98568f4f46cf6537c05541fc67035a1661b08d06900715a", "scheme_id"));

  std::array<uint8_t, kKeyBytes> master;
  for (size_t i = 0; i < master.size(); ++i) master[i] = static_cast<uint8_t>(i);
  constexpr uint32_t kEpoch = 3;
  const Key epoch = DeriveEpochKey(DeriveSchemeKey(Key(master), profile.scheme_id()), kEpoch);
  const KeyFile provider{
      KeyRole::kProvider, profile.scheme_id(), kEpoch, {}, {}, DeriveLayerKey(epoch, KeyRole::kProvider)};
  const KeyFile selector{
      KeyRole::kSelector, profile.scheme_id(), kEpoch, {}, {}, DeriveLayerKey(epoch, KeyRole::kSelector)};
  const KeyFile account{
      KeyRole::kAccount, profile.scheme_id(), kEpoch, "acct-7", {}, DeriveAccountKey(epoch, "acct-7")};
  VERDIGRIS_RETURN_IF_ERROR(Expect(provider.kid() == "090ebcf4285fc5fc", "provider key"));
  VERDIGRIS_RETURN_IF_ERROR(Expect(account.kid() == "16b1e2a739223456", "account key"));
  const KeyFile* keys[] = {&provider, &selector, &account};
  VERDIGRIS_ASSIGN_OR_RETURN(const Marker marker, Marker::Create(profile, keys));

  const uint32_t of_provider[] = {3186, 31999}, of_account[] = {263, 3186};
  std::vector<uint8_t> mask(marker.mask_bytes());
  VERDIGRIS_ASSIGN_OR_RETURN(const Price masked, marker.Mask(of_provider, Repeat::kNew, mask));
  VERDIGRIS_RETURN_IF_ERROR(Expect(masked.state == MarkState::kMarked && masked.layer == Layer::kProvider, "layer"));
  // The digest is that of the raw mask, which has the special ids 0 and 2.
  VERDIGRIS_RETURN_IF_ERROR(Expect((mask[0] & 0x07) == 0, "mask of special ids"));
  mask[0] |= 0x05;
  VERDIGRIS_RETURN_IF_ERROR(
      Expect(Hex(Sha256(mask)) == "bee5af5eb1e4f4edffd9f63e45c2a7f6ca70a2944eb881fbfd46398412d2e7a9", "mask"));

  VERDIGRIS_ASSIGN_OR_RETURN(const PositionScore green, marker.ScoreToken(of_provider, 3186));
  VERDIGRIS_ASSIGN_OR_RETURN(const PositionScore red, marker.ScoreToken(of_account, 3186));
  VERDIGRIS_RETURN_IF_ERROR(
      Expect(green.layer == Layer::kProvider && green.score == 1, "score of the provider's layer"));
  VERDIGRIS_RETURN_IF_ERROR(Expect(red.layer == Layer::kAccount && red.score == 0, "score of the account's layer"));

  // One green candidate of mass 1/4, delta 2: N8.1 gives KL 0.468, TV 0.461, and 0.711 for the green one.
  const uint32_t ids[] = {3, 6, 4, 5};
  float logits[] = {0, 0, 0, 0};
  const Row row{LogitType::kF32, logits, std::size(ids), 0, ids, 0};
  VERDIGRIS_ASSIGN_OR_RETURN(const Price price, marker.Mark(of_provider, Repeat::kNew, Mode::kDistribution, row));
  const auto near = [](double got, double wanted) { return std::fabs(got - wanted) < 5e-4; };
  VERDIGRIS_RETURN_IF_ERROR(Expect(price.masses && near(price.masses->kl_qp, 0.468) && near(price.masses->tv, 0.461) &&
                                       near(std::exp(logits[1]), 0.711) && near(std::exp(logits[0]), (1 - 0.711) / 3),
                                   "marked row"));

  const Prf& prf = marker.layers().prf(Layer::kProvider);
  const Tag tag = prf.mac().TagOf(of_provider, std::size(of_provider));
  for (const WordScheme& known : kWordSchemes) VERDIGRIS_RETURN_IF_ERROR(TestWordScheme(known, prf, tag));
  return {};
}

}  // namespace verdigris
