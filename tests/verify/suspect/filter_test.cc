// Filters: bytes of the second implementation, which windows a log enters, sets of windows, false positives, and every
// damage refused (S10 of suspect-models.md).
#include "verify/suspect/filter.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "tests/bands.h"
#include "tests/verify/vectors.h"
#include "tests/watermark/testing.h"
#include "watermark/prf.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

using Ids = std::vector<uint32_t>;

const SpecialIds& Special() {
  static constexpr IdRange kRanges[] = {{0, 2}};
  static const SpecialIds special(kRanges, 1000);
  return special;
}

FilterFacts Facts(uint8_t window = 2, uint8_t digest_bytes = 6) {
  FilterFacts facts{window, digest_bytes, TaggedHash("filter-test", {}), {}, "acct-1"};
  facts.salt.fill(7);
  return facts;
}

FilterBuilder Builder(const FilterFacts& facts) { return *FilterBuilder::Create(facts, Special()); }

Filter FilterOf(const std::vector<std::pair<Ids, Ids>>& log, const FilterFacts& facts = Facts()) {
  FilterBuilder builder = Builder(facts);
  for (const auto& [prompt, output] : log) REQUIRE(builder.Add(prompt, output));
  return *builder.Finish();
}

// Ranks of windows in a row of `ids`; -1: not in it.
std::vector<int> Ranks(const Filter& filter, const Ids& ids) {
  std::vector<int> ranks;
  for (size_t i = 0; i + filter.facts().window <= ids.size(); ++i) {
    const auto rank = filter.RankOf(ids.data() + i);
    ranks.push_back(rank ? static_cast<int>(*rank) : -1);
  }
  return ranks;
}

// A random answer under few ids, so that windows come again.
Ids RandomIds(std::mt19937_64& random, size_t most) {
  Ids ids(random() % (most + 1));
  for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % 12);
  return ids;
}

std::string Refusal(std::string bytes) {
  const auto filter = Filter::Parse(std::move(bytes));
  return filter ? "accepted" : filter.error().message;
}

// The same file with a digest that fits.
std::string Sealed(std::string bytes) {
  bytes.resize(bytes.size() - 32);
  const Digest digest = Sha256(AsBytes(bytes));
  return bytes.append(digest.begin(), digest.end());
}

}  // namespace

TEST_CASE("a filter's bytes are those of the second implementation") {
  const auto vectors = ReadVectors("filter.json", {"about", "messages", "salt", "scheme_id", "label", "width", "file"});
  FilterFacts facts;
  facts.window = 2;
  facts.digest_bytes = vectors["width"];
  facts.label = vectors["label"];
  REQUIRE(ParseHex(vectors["scheme_id"].get<std::string>(), facts.scheme_id));
  REQUIRE(ParseHex(vectors["salt"].get<std::string>(), facts.salt));
  const SpecialIds none({}, kIdLimit);
  FilterBuilder builder = *FilterBuilder::Create(facts, none);
  std::vector<Ids> windows;
  for (const std::string hex : vectors["messages"]) {
    const auto message = Unhex(hex);
    REQUIRE(message.size() == WindowMessageBytes(2));
    Ids ids;
    for (const size_t at : {4, 8}) ids.push_back(uint32_t{message[at]} << 24 | uint32_t{message[at + 1]} << 16 | uint32_t{message[at + 2]} << 8 | message[at + 3]);
    windows.push_back(ids);
    ids.push_back(3);  // the position whose window it is
    REQUIRE(builder.Add({}, ids));
  }
  const Filter filter = *builder.Finish();
  CHECK(Hex(AsBytes(filter.bytes())) == vectors["file"].get<std::string>());
  CHECK(filter.size() == 4);
  const auto rank = [&](size_t i) { return *filter.RankOf(windows[i].data()); };
  CHECK(rank(0) == 0);
  CHECK(rank(1) == 1);
  CHECK(rank(2) == 0);
  CHECK(rank(3) == 2);
  CHECK(rank(4) == 3);
}

TEST_CASE("windows of eligible positions are entered, also before a special token and where they repeat") {
  // Position 5 is special: its window is entered, those that hold it are not; the last two ids are before no position.
  const Ids answer = {10, 11, 12, 13, 14, 1, 20, 21, 22};
  const Filter filter = FilterOf({{{}, answer}});
  CHECK(Ranks(filter, answer) == std::vector<int>{0, 1, 2, 3, -1, -1, 4, -1});
  CHECK(FilterOf({{{}, answer}, {{}, answer}}).bytes() == filter.bytes());
  CHECK(FilterOf({{{}, {10, 11}}}).size() == 0);
  CHECK(FilterOf({}).size() == 0);
  CHECK(Filter::Parse(FilterOf({}).bytes())->size() == 0);
}

TEST_CASE("a window that a prompt showed before it was served is left out, and stays out; one shown later stays in") {
  const Ids answer = {10, 11, 12, 13};
  CHECK(Ranks(FilterOf({{{10, 11}, answer}}), answer) == std::vector<int>{-1, 0, -1});          // its own prompt
  CHECK(Ranks(FilterOf({{{5, 11, 12, 6}, {}}, {{}, answer}}), answer) == std::vector<int>{0, -1, -1});
  CHECK(Ranks(FilterOf({{{10, 11}, {}}, {{}, answer}, {{}, answer}}), answer) == std::vector<int>{-1, 0, -1});
  CHECK(Ranks(FilterOf({{{}, answer}, {{10, 11, 12, 13}, answer}}), answer) == std::vector<int>{0, 1, -1});
  // A window across the end of a prompt was never marked, and is no window of the prompt.
  CHECK(FilterOf({{{9, 10}, {11, 12, 13}}}).size() == 1);
}

TEST_CASE("filters agree with a table of windows made by hand, for every width of window and digest") {
  std::mt19937_64 random(31);
  for (uint8_t h = 1; h <= 8; ++h) {
    for (uint8_t b = 4; b <= 8; ++b) {
      const FilterFacts facts = Facts(h, b);
      FilterBuilder builder = Builder(facts);
      std::map<Ids, int> want;  // -1: shown first
      int served = 0;
      for (int i = 0; i < 60; ++i) {
        const Ids prompt = RandomIds(random, 12), output = RandomIds(random, 60);
        for (size_t t = h; t <= prompt.size(); ++t) want.emplace(Ids(prompt.begin() + static_cast<long>(t) - h, prompt.begin() + static_cast<long>(t)), -1);
        for (size_t t = h; t < output.size(); ++t) {
          const Ids window(output.begin() + static_cast<long>(t) - h, output.begin() + static_cast<long>(t));
          const bool special = std::any_of(window.begin(), window.end(), [](uint32_t id) { return id <= 2; });
          if (!special && want.emplace(window, served).second) ++served;
        }
        REQUIRE(builder.Add(prompt, output));
      }
      CHECK(builder.served() == static_cast<uint64_t>(served));
      CHECK(builder.answers() == 60);
      const Filter made = *builder.Finish();
      const auto read = Filter::Parse(made.bytes());
      REQUIRE_MESSAGE(read.has_value(), read.error().message);
      CHECK(read->facts().window == h);
      CHECK(read->facts().digest_bytes == b);
      CHECK(read->facts().label == "acct-1");
      CHECK(read->facts().scheme_id == facts.scheme_id);
      CHECK(read->facts().salt == facts.salt);
      CHECK(read->digest() == Sha256(AsBytes(made.bytes())));
      for (const auto& [window, rank] : want) {
        const auto got = read->RankOf(window.data());
        CHECK((got ? static_cast<int>(*got) : -1) == rank);
      }
    }
  }
}

TEST_CASE("a union is the filter of one log behind the other; an intersection holds what is in both") {
  std::mt19937_64 random(32);
  for (int i = 0; i < 30; ++i) {
    std::vector<std::pair<Ids, Ids>> first, second, both;
    for (int k = 0; k < 5; ++k) first.push_back({{}, RandomIds(random, 40)});
    for (int k = 0; k < 5; ++k) second.push_back({{}, RandomIds(random, 40)});
    both = first;
    both.insert(both.end(), second.begin(), second.end());
    const Filter a = FilterOf(first), b = FilterOf(second);
    CHECK(Unite(a, b, "acct-1")->bytes() == FilterOf(both).bytes());
    CHECK(Unite(a, a, "acct-1")->bytes() == a.bytes());
    CHECK(Intersect(a, a, "acct-1")->bytes() == a.bytes());
    const Filter common = *Intersect(a, b, "");
    CHECK(common.facts().label.empty());
    CHECK(common.size() + Unite(a, b, "")->size() == a.size() + b.size());
    CHECK(common.size() == Intersect(b, a, "")->size());
    uint64_t found = 0;
    std::map<uint32_t, uint32_t> ranks;  // of the intersection by that of the first
    for (uint32_t x = 3; x < 12; ++x) {
      for (uint32_t y = 3; y < 12; ++y) {
        const uint32_t window[] = {x, y};
        const auto in = common.RankOf(window);
        CHECK(in.has_value() == (a.RankOf(window) && b.RankOf(window)));
        if (!in) continue;
        ++found;
        ranks[*a.RankOf(window)] = *in;
      }
    }
    CHECK(found == common.size());
    uint32_t next = 0;
    for (const auto& [before, rank] : ranks) CHECK(rank == next++);
  }
}

TEST_CASE("two windows of one digest are one entry, with the rank of the earlier and no gap behind it") {
  // At 4 bytes 300,000 windows hold 10.5 such pairs on average.
  std::mt19937_64 random(33);
  const SpecialIds none({}, kIdLimit);
  FilterBuilder builder = *FilterBuilder::Create(Facts(2, 4), none);
  Ids answer(300'001);
  for (uint32_t& id : answer) id = static_cast<uint32_t>(random() % kIdLimit);
  REQUIRE(builder.Add({}, answer));
  REQUIRE(builder.served() == 299'999);
  const Filter filter = *builder.Finish();
  CHECK(filter.size() < builder.served());
  CHECK(Filter::Parse(filter.bytes()).has_value());
  uint32_t next = 0;
  uint64_t merged = 0;
  for (size_t t = 2; t < answer.size(); ++t) {
    const uint32_t rank = *filter.RankOf(answer.data() + t - 2);
    CHECK(rank <= next);
    merged += rank != next;
    next += rank == next;
  }
  CHECK(merged == builder.served() - filter.size());
}

TEST_CASE("what cannot be a filter is refused by its part") {
  CHECK(FilterBuilder::Create(Facts(0), Special()).error().message == "window must be in [1,8], got 0");
  CHECK(FilterBuilder::Create(Facts(9), Special()).error().message == "window must be in [1,8], got 9");
  CHECK(FilterBuilder::Create(Facts(2, 3), Special()).error().message == "digest bytes must be in [4,8], got 3");
  CHECK(FilterBuilder::Create(Facts(2, 9), Special()).error().message == "digest bytes must be in [4,8], got 9");
  FilterFacts facts = Facts();
  facts.label = "-a";
  CHECK(FilterBuilder::Create(facts, Special()).error().message == "the label is no account label");
  FilterBuilder builder = Builder(Facts());
  CHECK(builder.Add({}, Ids{3, kIdLimit}).error().message == "output id 16777216 at 1");
  CHECK(builder.Add(Ids{0xFFFFFFFF}, Ids{}).error().message == "prompt id 4294967295");
  CHECK(builder.served() == 0);

  const Filter filter = FilterOf({{{}, {10, 11, 12, 13, 14}}});
  const std::string good = filter.bytes();
  REQUIRE(filter.size() == 3);
  const size_t entries = 68 + 6;
  const auto with = [&](size_t at, std::string bytes) { return Sealed(std::string(good).replace(at, bytes.size(), bytes)); };
  CHECK(Refusal(good) == "accepted");
  CHECK(Refusal("") == "filter: not a filter file: it does not begin with VDGFILT1");
  CHECK(Refusal(with(7, "2")) == "filter: not a filter file: it does not begin with VDGFILT1");
  CHECK(Refusal(good.substr(0, 60)) == "filter: cut short: 60 bytes");
  CHECK(Refusal(with(8, std::string(1, '\0'))) == "filter: window must be in [1,8], got 0");
  CHECK(Refusal(with(9, "\x09")) == "filter: digest bytes must be in [4,8], got 9");
  CHECK(Refusal(with(10, std::string("\0\x41", 2))) == "filter: a label of 65 bytes; at most 64 are allowed");
  CHECK(Refusal(with(68, "\x01")) == "filter: the label is no account label");
  CHECK(Refusal(with(60, "\x01")) == "filter: 72057594037927939 windows; ranks number at most 2^32 - 1");
  CHECK(Refusal(good + "x") == "filter: 137 bytes; one of 3 windows has 136");
  CHECK(Refusal(good.substr(0, good.size() - 1)) == "filter: 135 bytes; one of 3 windows has 136");
  CHECK(Refusal(with(entries, good.substr(entries + 10, 10) + good.substr(entries, 10))) == "filter: entry 1 is out of order");
  CHECK(Refusal(with(entries + 10, good.substr(entries, 6))) == "filter: entry 1 is out of order");
  CHECK(Refusal(with(entries + 16, good.substr(entries + 6, 4))) == "filter: entry 1: its rank is too large, or that of another");
  CHECK(Refusal(with(entries + 6, std::string("\0\0\0\x03", 4))) == "filter: entry 0: its rank is too large, or that of another");
  std::string bad = good;
  bad.back() ^= 1;
  CHECK(Refusal(bad) == "filter: its digest is not that of its bytes");
}

TEST_CASE("filters of another salt, scheme or form neither unite nor intersect") {
  const Filter filter = FilterOf({{{}, {10, 11, 12, 13}}});
  const auto refusal = [&](const FilterFacts& facts) {
    const Filter other = FilterOf({{{}, {10, 11, 12, 13}}}, facts);
    const auto united = Unite(filter, other, ""), common = Intersect(filter, other, "");
    CHECK(united.error().kind == ErrorKind::kMismatch);
    CHECK(united.error().message == common.error().message);
    return united.error().message;
  };
  FilterFacts facts = Facts();
  facts.salt[3] = 1;
  CHECK(refusal(facts) == "filters of two salts: 07070707070707070707070707070707 and 07070701070707070707070707070707");
  facts = Facts();
  facts.scheme_id[0] ^= 1;
  CHECK(refusal(facts).starts_with("filters of scheme_id "));
  CHECK(refusal(Facts(3)) == "filters of windows of 2 and 3 ids, digests of 6 and 6 bytes");
  CHECK(refusal(Facts(2, 7)) == "filters of windows of 2 and 2 ids, digests of 6 and 7 bytes");
  CHECK(Unite(filter, filter, " ").error().kind == ErrorKind::kInvalidArgument);
}

TEST_CASE("every prefix of a filter file is refused, and every file with one bit flipped") {
  std::mt19937_64 random(34);
  FilterBuilder builder = Builder(Facts());
  for (int i = 0; i < 8; ++i) REQUIRE(builder.Add({}, RandomIds(random, 12)));
  const std::string good = builder.Finish()->bytes();
  REQUIRE(Refusal(good) == "accepted");
  for (size_t size = 0; size < good.size(); ++size) CHECK(Refusal(good.substr(0, size)).starts_with("filter: "));
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    CHECK(Refusal(flipped).starts_with("filter: "));
  }
}

TEST_CASE("false positives at 4 bytes are n 2^-32 of other windows: 200,000 windows, 400,000 others") {
  // 18.6 expected; in a band. False alarm: 1e-6.
  const SpecialIds none({}, kIdLimit);
  FilterBuilder builder = *FilterBuilder::Create(Facts(1, 4), none);
  Ids answer(200'001);
  for (uint32_t i = 0; i < answer.size(); ++i) answer[i] = i;
  REQUIRE(builder.Add({}, answer));
  const Filter filter = *builder.Finish();
  CHECK(filter.FalsePositiveRate() == static_cast<double>(filter.size()) / 4294967296.0);
  uint64_t found = 0;
  for (uint32_t id = 200'000; id < 600'000; ++id) found += filter.RankOf(&id).has_value();
  CHECK(WithinBinomialBand(found, 400'000, filter.FalsePositiveRate(), 1e-6));
}

TEST_CASE("slow: S10, 10^6 windows and 10^7 others at 4 bytes") {
  // 2,328 expected, in a band. False alarm: 1e-6.
  const SpecialIds none({}, kIdLimit);
  FilterBuilder builder = *FilterBuilder::Create(Facts(1, 4), none);
  Ids answer(1'000'001);
  for (uint32_t i = 0; i < answer.size(); ++i) answer[i] = i;
  REQUIRE(builder.Add({}, answer));
  const Filter filter = *Filter::Parse(builder.Finish()->bytes());
  for (uint32_t id = 0; id < 1'000'000; ++id) REQUIRE(filter.RankOf(&id).has_value());
  uint64_t found = 0;
  for (uint32_t id = 1'000'000; id < 11'000'000; ++id) found += filter.RankOf(&id).has_value();
  CAPTURE(found);
  CHECK(WithinBinomialBand(found, 10'000'000, filter.FalsePositiveRate(), 1e-6));
}
