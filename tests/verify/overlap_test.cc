// Overlap, its predictions (numbers of statistics.md 9.2) and stop lists.
#include "verify/overlap.h"

#include <cmath>
#include <random>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

Profile GreenProfile(int h = 2) { return *MakeProfile(SchemeObject(*FindScheme("green"), 100000, kFullShare, h)); }

// Documents of `shared` ids that all have and `own` that nobody else has.
std::vector<std::vector<uint32_t>> Documents(size_t count, size_t shared, size_t own, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> common(shared);
  for (uint32_t& id : common) id = static_cast<uint32_t>(3 + random() % 90000);
  std::vector<std::vector<uint32_t>> documents(count, common);
  for (auto& ids : documents) {
    for (size_t i = 0; i < own; ++i) ids.push_back(static_cast<uint32_t>(3 + random() % 90000));
  }
  return documents;
}

Evidence CountDocuments(const Profile& profile, const std::vector<std::vector<uint32_t>>& documents, const StopList* stop = nullptr) {
  Evidence corpus(profile.window());
  for (size_t d = 0; d < documents.size(); ++d) {
    std::vector<PositionState> states;
    ClassifyPositions(documents[d], profile.window(), profile.special_ids(), Rule::kFirst, states);
    if (stop != nullptr) stop->Drop(documents[d], states);
    corpus.AddText(documents[d], states, d, nullptr);  // rule `first`: no tuple twice
  }
  return corpus;
}

}  // namespace

TEST_CASE("overlap of documents that share a part is that part's share") {
  const Profile profile = GreenProfile();
  const auto documents = Documents(50, 102, 300, 1);  // 100 shared tuples, 300 of their own
  const Overlap overlap = OverlapOf(CountDocuments(profile, documents), 50);
  CHECK(overlap.sizes == 50 * 400);
  CHECK(overlap.pairs == 50 * 49 * 100);
  CHECK(overlap.rho() == doctest::Approx(100. / 400));
  CHECK(OverlapOf(CountDocuments(profile, Documents(50, 0, 300, 2)), 50).rho() == 0);
  CHECK(OverlapOf(Evidence(2), 0).rho() == 0);
  CHECK(OverlapOf(CountDocuments(profile, Documents(1, 50, 0, 3)), 1).rho() == 0);
}

TEST_CASE("rates over keys that rho predicts are those of statistics.md 9.2") {
  const auto near = [](double got, double want) { return std::fabs(got - want) <= 0.06 * want; };
  CHECK(near(RateOfKey(.129, .01, kKeyQuantile), .032));
  CHECK(std::fabs(RateOfKey(.129, .01, -kKeyQuantile) - .001) < .0005);
  CHECK(near(RateOfKey(.021, .01, kKeyQuantile), .018));
  CHECK(near(RateOfKey(.021, .01, -kKeyQuantile), .005));
  CHECK(near(RateOfKey(.01, .01, kKeyQuantile), .015));
  CHECK(near(RateOfKey(.01, .01, -kKeyQuantile), .006));
  CHECK(near(RateOfKey(.13, 1e-6, 3), 4e-5));
  CHECK(RateOfKey(0, .01, 3) == doctest::Approx(.01).epsilon(1e-9));
}

TEST_CASE("stop tuples bring rho to .01 or below, and one document more would not do") {
  const Profile profile = GreenProfile();
  // Shares of .13, in steps: tuples that 2, 10 and all 60 documents have.
  auto documents = Documents(60, 60, 300, 4);
  for (size_t d = 0; d < documents.size(); ++d) {
    for (uint32_t i = 0; i < 40; ++i) documents[d].push_back(90003 + static_cast<uint32_t>(d / 10) * 100 + i);
    for (uint32_t i = 0; i < 20; ++i) documents[d].push_back(95003 + static_cast<uint32_t>(d / 2) * 50 + i);
  }
  const Evidence evidence = CountDocuments(profile, documents);
  const double before = OverlapOf(evidence, 60).rho();
  CHECK(before > .13);
  const auto bound = StopBound(evidence, 60);
  REQUIRE(bound.has_value());
  CHECK(OverlapUpTo(evidence, 60, *bound).rho() <= .01);
  uint64_t next = ~uint64_t{0};
  for (size_t row = 0; row < evidence.size(); ++row) {
    if (evidence.occurrences(row) > *bound) next = std::min(next, evidence.occurrences(row));
  }
  CHECK(OverlapUpTo(evidence, 60, next).rho() > .01);
  CHECK(*bound == next - 1);

  const StopList list = *StopList::Make(evidence, *bound, profile);
  CHECK(OverlapOf(CountDocuments(profile, documents, &list), 60).rho() == OverlapUpTo(evidence, 60, *bound).rho());
  CHECK_FALSE(StopBound(CountDocuments(profile, Documents(60, 0, 300, 5)), 60).has_value());
}

TEST_CASE("a stop list is read as it was written, and everything else is refused") {
  const Profile profile = GreenProfile();
  const Evidence evidence = CountDocuments(profile, Documents(20, 52, 100, 6));
  const StopList list = *StopList::Make(evidence, 10, profile);
  CHECK(list.size() == 50);
  CHECK(list.bytes().substr(0, 90) == "verdigris-stop-list/1 " + std::string(64, 'a') + " 2\n" + list.bytes().substr(89, 1));
  CHECK(list.bytes().size() == 89 + 50 * 16);
  const StopList again = *StopList::Parse(list.bytes(), profile);
  CHECK(again.bytes() == list.bytes());
  CHECK(again.digest() == Sha256(AsBytes(list.bytes())));
  // CMAC(tagged("stop-list", ""), M || u32be(id)) of one listed tuple, by the window's own message.
  const WindowMac mac = *WindowMac::Create(Key(TaggedHash("stop-list", {})));
  size_t found = 0;
  for (size_t row = 0; row < evidence.size(); ++row) {
    uint8_t message[16];
    WriteWindowMessage(evidence.window_of(row), 2, message);
    WriteBe32(evidence.id_of(row), message + 12);
    Tag tag;
    mac.Macs(message, 16, 1, &tag);
    const std::string bytes(tag.bytes.begin(), tag.bytes.end());
    bool listed = false;
    for (size_t at = 89; at < list.bytes().size(); at += 16) listed = listed || list.bytes().compare(at, 16, bytes) == 0;
    CHECK(listed == (evidence.occurrences(row) > 10));
    found += listed;
  }
  CHECK(found == 50);

  const auto message = [&](std::string bytes, const Profile& of) {
    const auto parsed = StopList::Parse(bytes, of);
    return parsed ? std::string() : parsed.error().message;
  };
  std::string bytes = list.bytes();
  CHECK(message(bytes, GreenProfile(3)) == "the stop list is for window 2, the profile has 3");
  CHECK(message(bytes.substr(0, bytes.size() - 1), profile) == "stop list: 799 bytes of fingerprints are no multiple of 16");
  CHECK(message("verdigris-stop-list/2 x\n", profile).find("not a stop list") == 0);
  CHECK(message("", profile).find("not a stop list") == 0);
  CHECK(message(bytes.substr(0, 88), profile).find("not a stop list") == 0);
  std::string swapped = bytes;
  std::swap_ranges(swapped.begin() + 89, swapped.begin() + 105, swapped.begin() + 105);
  CHECK(message(swapped, profile) == "stop list: fingerprint 1 does not ascend");
  std::string other = bytes;
  other[30] = 'b';
  CHECK(message(other, profile).find("the stop list is for tokenizer ") == 0);
  other[30] = 'B';
  CHECK(message(other, profile) == "stop list: its first line has no tokenizer and window");
}
