// Overlap, its predictions (numbers of statistics.md 9.2), stop lists, and counts of documents in bounded memory.
#include "verify/overlap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "tests/bands.h"
#include "tests/watermark/testing.h"
#include "verify/document_counts.h"
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

constexpr size_t kRoom = 1'000'000;

// Document d is of group d mod `groups`.
DocumentCounts CountDocuments(const Profile& profile, const std::vector<std::vector<uint32_t>>& documents, const StopList* stop = nullptr,
                              uint32_t groups = 1, int sample_log2 = 0, size_t most_rows = kRoom) {
  DocumentCounts counts = *DocumentCounts::Create(profile.window(), sample_log2, most_rows);
  for (size_t d = 0; d < documents.size(); ++d) {
    std::vector<PositionState> states;
    ClassifyPositions(documents[d], profile.window(), profile.special_ids(), Rule::kFirst, states);  // no tuple twice
    if (stop != nullptr) stop->Drop(documents[d], states);
    std::vector<const uint32_t*> windows;
    std::vector<uint32_t> ids;
    for (size_t t = 0; t < states.size(); ++t) {
      if (states[t] != PositionState::kEligible) continue;
      windows.push_back(&documents[d][t - profile.window()]);
      ids.push_back(documents[d][t]);
    }
    counts.Add(static_cast<uint32_t>(d) % groups, windows, ids);
  }
  return counts;
}

Overlap OverlapOfAll(DocumentCounts counts, uint64_t documents) { return OverlapOf(counts.SpectraOf(1).all, documents); }

}  // namespace

TEST_CASE("overlap of documents that share a part is that part's share") {
  const Profile profile = GreenProfile();
  const auto documents = Documents(50, 102, 300, 1);  // 100 shared tuples, 300 of their own
  const Overlap overlap = OverlapOfAll(CountDocuments(profile, documents), 50);
  CHECK(overlap.sizes == 50 * 400);
  CHECK(overlap.pairs == 50 * 49 * 100);
  CHECK(overlap.rho() == doctest::Approx(100. / 400));
  CHECK(OverlapOfAll(CountDocuments(profile, Documents(50, 0, 300, 2)), 50).rho() == 0);
  CHECK(OverlapOf(Spectrum(), 0).rho() == 0);
  CHECK(OverlapOfAll(CountDocuments(profile, Documents(1, 50, 0, 3)), 1).rho() == 0);
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
  DocumentCounts counts = CountDocuments(profile, documents);
  const Spectrum spectrum = counts.SpectraOf(1).all;
  const double before = OverlapOf(spectrum, 60).rho();
  CHECK(before > .13);
  const auto bound = StopBound(spectrum, 60);
  REQUIRE(bound.has_value());
  CHECK(OverlapUpTo(spectrum, 60, *bound).rho() <= .01);
  const uint64_t next = spectrum.upper_bound(*bound)->first;
  CHECK(OverlapUpTo(spectrum, 60, next).rho() > .01);
  CHECK(*bound == next - 1);

  const StopList list = *StopList::Of(counts.Above(*bound), profile);
  CHECK(OverlapOfAll(CountDocuments(profile, documents, &list), 60).rho() == OverlapUpTo(spectrum, 60, *bound).rho());
  CHECK_FALSE(StopBound(CountDocuments(profile, Documents(60, 0, 300, 5)).SpectraOf(1).all, 60).has_value());
}

TEST_CASE("counts of documents are those of a map, by group and in all, and in the memory given a sample that order does not change") {
  const Profile profile = GreenProfile();
  std::vector<std::vector<uint32_t>> documents = Documents(60, 60, 150, 7);
  for (size_t d = 0; d < documents.size(); ++d) {
    for (uint32_t i = 0; i < 40; ++i) documents[d].push_back(90003 + static_cast<uint32_t>(d / 10) * 100 + i);
  }
  const StopFingerprinter fingerprinter = *StopFingerprinter::Create();
  std::map<Fingerprint, std::array<uint64_t, 4>> want;  // documents of groups 0, 1, 2, and of all
  for (size_t d = 0; d < documents.size(); ++d) {
    for (size_t t = 2; t < documents[d].size(); ++t) {
      const uint32_t* window = &documents[d][t - 2];
      Fingerprint fingerprint;
      fingerprinter.Of(&window, &documents[d][t], 2, 1, &fingerprint);
      ++want[fingerprint][d % 3];
      ++want[fingerprint][3];
    }
  }
  const auto spectrum_of = [&](size_t column, int sample_log2) {
    Spectrum spectrum;
    for (const auto& [fingerprint, counts] : want) {
      if (IsSampled(fingerprint, sample_log2) && counts[column] > 0) ++spectrum[counts[column]];
    }
    return spectrum;
  };
  const auto rows_of = [&](int sample_log2) {
    size_t rows = 0;
    for (const auto& [fingerprint, counts] : want) {
      if (IsSampled(fingerprint, sample_log2)) rows += static_cast<size_t>((counts[0] > 0) + (counts[1] > 0) + (counts[2] > 0));
    }
    return rows;
  };
  for (const size_t most : {kRoom, size_t{5000}, size_t{300}, size_t{1}}) {
    for (const int start : {0, 6}) {
      CAPTURE(most);
      CAPTURE(start);
      int least = start;
      while (rows_of(least) > most) ++least;
      DocumentCounts counts = CountDocuments(profile, documents, nullptr, 3, start, most);
      CHECK(counts.sample_log2() == least);
      const DocumentCounts::Spectra spectra = counts.SpectraOf(3);
      for (size_t group = 0; group < 3; ++group) CHECK(spectra.of_group[group] == spectrum_of(group, least));
      CHECK(spectra.all == spectrum_of(3, least));
      size_t above = 0;
      for (const auto& [fingerprint, c] : want) above += c[3] > 5 && IsSampled(fingerprint, least);
      CHECK(counts.Above(5).size() == above);
      for (const size_t room : {size_t{1}, size_t{20}, kRoom}) {
        int sample = least;
        const auto tuples = [&] {
          return std::count_if(want.begin(), want.end(), [&](const auto& each) { return IsSampled(each.first, sample); });
        };
        while (static_cast<size_t>(tuples()) > room) ++sample;
        CHECK(counts.SampleOf(room) == sample);
      }
      auto reversed = documents;
      std::reverse(reversed.begin(), reversed.end());
      DocumentCounts one = CountDocuments(profile, documents, nullptr, 1, start, most);
      DocumentCounts other = CountDocuments(profile, reversed, nullptr, 1, start, most);
      CHECK(one.sample_log2() == other.sample_log2());
      CHECK(one.SpectraOf(1).all == other.SpectraOf(1).all);
    }
  }
}

TEST_CASE("a stop list is read as it was written, and everything else is refused") {
  const Profile profile = GreenProfile();
  const auto documents = Documents(20, 52, 100, 6);
  const StopList list = *StopList::Of(CountDocuments(profile, documents).Above(10), profile);
  CHECK(list.size() == 50);
  CHECK(list.bytes().substr(0, 90) == "verdigris-stop-list/1 " + std::string(64, 'a') + " 2\n" + list.bytes().substr(89, 1));
  CHECK(list.bytes().size() == 89 + 50 * 16);
  const StopList again = *StopList::Parse(list.bytes(), profile);
  CHECK(again.bytes() == list.bytes());
  CHECK(again.digest() == Sha256(AsBytes(list.bytes())));
  // CMAC(tagged("stop-list", ""), M || u32be(id)) by the window's own message: the 50 that all have, and no other.
  const WindowMac mac = *WindowMac::Create(Key(TaggedHash("stop-list", {})));
  for (size_t t = 2; t < documents[0].size(); ++t) {
    uint8_t message[16];
    WriteWindowMessage(&documents[0][t - 2], 2, message);
    WriteBe32(documents[0][t], message + 12);
    Tag tag;
    mac.Macs(message, 16, 1, &tag);
    const std::string bytes(tag.bytes.begin(), tag.bytes.end());
    bool listed = false;
    for (size_t at = 89; at < list.bytes().size(); at += 16) listed = listed || list.bytes().compare(at, 16, bytes) == 0;
    CHECK(listed == (t < 52));
  }

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
