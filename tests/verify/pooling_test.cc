// One test over a whole corpus (statistics.md 3.2): each tuple once in the group keeps its level on every kind of text, while
// adding up documents, whether or not a document counts its own repeats, errs many times as often as it says.
//
// 10,000 keys, 100 documents of each of nine kinds, green at gamma 1/4. False alarm: 9e-7, 9 bands of 1e-7.
// 400 keys, 58 MB of all kinds, windows of 1, 2 and 4, whole, in shards and sampled (corpus.md K7). False alarm: 9e-7, 9 bands of 1e-7.
#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/bands.h"
#include "tests/test_keys.h"
#include "tests/verify/text_kinds.h"
#include "tests/watermark/testing.h"
#include "verify/decoy.h"
#include "verify/evidence.h"
#include "verify/law.h"
#include "verify/many_keys.h"
#include "verify/sample.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("slow: pooled over documents p keeps its level at 1 % on nine kinds of text; every occurrence counted errs in over 20 % of the keys") {
  constexpr uint32_t kKeys = 10'000;
  constexpr size_t kDocuments = 100;
  std::ostringstream table;
  table << std::fixed << std::setprecision(2) << "\n| text | tuples | each once | per document, added | every occurrence |\n";
  for (const std::string_view kind : kTextKinds) {
    CAPTURE(kind);
    PieceIds pieces;
    std::vector<std::vector<uint32_t>> documents;
    for (size_t d = 0; d < kDocuments; ++d) documents.push_back(pieces.Encode(TextMaker(3000 + d).Make(kind, 3000)));
    const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), pieces.vocab()));
    const NullLaw law = profile.scheme().null_law(profile);
    Evidence evidence(profile.window());
    std::vector<uint64_t> documents_of;  // of each row
    std::vector<PositionState> states;
    for (size_t d = 0; d < kDocuments; ++d) {
      ClassifyPositions(documents[d], profile.window(), profile.special_ids(), Rule::kTuple, states);
      evidence.AddText(documents[d], states, d, nullptr);
      Evidence own(profile.window());
      own.AddText(documents[d], states, 0, nullptr);
      documents_of.resize(evidence.size());
      for (size_t row = 0; row < own.size(); ++row) ++documents_of[evidence.FindRow(own.window_of(row))];
    }
    // Rows are in the order of their first places, as the scorer's tuples are.
    KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
    struct Way {
      uint64_t n = 0, rejected = 0;
      Statistic critical = 0;
    };
    Way once, added, naive;
    once.n = evidence.size();
    for (size_t row = 0; row < evidence.size(); ++row) {
      added.n += documents_of[row];
      naive.n += evidence.occurrences(row);
    }
    for (Way* way : {&once, &added, &naive}) way->critical = SizeOf(law, way->n, -2).critical;
    std::vector<uint64_t> scores(evidence.size());
    const DecoyKeys keys(TaggedHash("decoy-seed", {AsBytes("pooling " + std::string(kind))}));
    std::array<uint8_t, kKeyBytes> key;
    for (uint32_t i = 0; i < kKeys; ++i) {
      keys.Get(i, key);
      scorer.ScoreEach(key, scores.data());
      uint64_t k = 0, added_k = 0, naive_k = 0;
      for (size_t row = 0; row < scores.size(); ++row) {
        k += scores[row];
        added_k += scores[row] * documents_of[row];
        naive_k += scores[row] * evidence.occurrences(row);
      }
      once.rejected += k >= once.critical;
      added.rejected += added_k >= added.critical;
      naive.rejected += naive_k >= naive.critical;
    }
    const auto percent = [](const Way& way) { return 100. * static_cast<double>(way.rejected) / kKeys; };
    table << "| " << kind << " | " << once.n << " | " << percent(once) << " % | " << percent(added) << " % | " << percent(naive) << " % |\n";
    CHECK(WithinBinomialBand(once.rejected, kKeys, std::pow(10, SizeOf(law, once.n, -2).log10_size), 1e-7));
    CHECK(percent(once) > 0.5);
    CHECK(percent(once) < 1.5);
    CHECK(percent(added) > 5);  // of cjk, whose documents share least, 7.6
    CHECK(percent(naive) > 20);
  }
  MESSAGE(table.str());
}

TEST_CASE("slow: 58 MB keep their level whole, and in eight shards of samples; adding up tokens, documents or shards does not") {
  constexpr uint32_t kKeys = 400;
  constexpr size_t kShards = 8, kBytes = 58'000'000;
  PieceIds pieces;
  std::vector<std::vector<uint32_t>> documents;
  for (size_t bytes = 0, d = 0; bytes < kBytes; ++d) {
    const std::string text = TextMaker(5000 + d).Make(kTextKinds[d % kTextKinds.size()], 3000);
    bytes += text.size();
    documents.push_back(pieces.Encode(text));
  }
  std::ostringstream table;
  table << std::fixed << std::setprecision(2) << "\n| h | tuples | whole | sample 1/64 | keep 4,096 | tokens added | documents added | shards added |\n";
  for (const size_t h : {size_t{1}, size_t{2}, size_t{4}}) {
    CAPTURE(h);
    const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), pieces.vocab(), kFullShare, static_cast<int>(h)));
    const NullLaw law = profile.scheme().null_law(profile);
    Evidence evidence(h);
    std::vector<std::vector<PositionState>> states(documents.size());
    struct Owner {
      uint32_t documents = 0, shards = 0;
      size_t last_shard = kShards;
    };
    std::vector<Owner> owners;  // of each row
    for (size_t d = 0; d < documents.size(); ++d) {
      const size_t shard = d * kShards / documents.size();
      ClassifyPositions(documents[d], h, profile.special_ids(), Rule::kTuple, states[d]);
      evidence.AddText(documents[d], states[d], d, nullptr);
      Evidence own(h);
      own.AddText(documents[d], states[d], 0, nullptr);
      owners.resize(evidence.size());
      for (size_t row = 0; row < own.size(); ++row) {
        Owner& owner = owners[evidence.FindRow(own.window_of(row))];
        ++owner.documents;
        owner.shards += owner.last_shard != shard;
        owner.last_shard = shard;
      }
    }
    KeyScorer scorer = *KeyScorer::Create(profile, TuplesOf(evidence));
    struct Way {
      uint64_t rejected = 0;
      double sizes = 0;
      void Add(const NullLaw& law, uint64_t n, Statistic statistic) {
        const auto size = SizeOf(law, n, -2);
        rejected += statistic >= size.critical;
        sizes += std::pow(10, size.log10_size);
      }
    };
    Way whole, sampled, kept, tokens, added, shards;
    std::vector<uint64_t> scores(evidence.size());
    for (uint32_t i = 0; i < kKeys; ++i) {
      const KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("pooled corpus", i));
      scorer.ScoreEach(key.key.secret(), scores.data());
      uint64_t k[4] = {}, n[4] = {};
      for (size_t row = 0; row < scores.size(); ++row) {
        const uint64_t times[4] = {1, evidence.occurrences(row), owners[row].documents, owners[row].shards};
        for (size_t way = 0; way < 4; ++way) k[way] += times[way] * scores[row], n[way] += times[way];
      }
      Way* const ways[4] = {&whole, &tokens, &added, &shards};
      for (size_t way = 0; way < 4; ++way) ways[way]->Add(law, n[way], k[way]);
      const KeyFile* pointer = &key;
      const Layers layers = *Layers::Create(profile, {&pointer, 1});
      const Fingerprinter fingerprinter = *Fingerprinter::Create(key.key);
      Sample sample(0, 6), smallest(4096, 6);
      for (size_t shard = 0, d = 0; shard < kShards; ++shard) {
        Sample part(0, 6), part_kept(4096, 6);
        for (; d < documents.size() && d * kShards / documents.size() == shard; ++d) {
          SampleText(profile, layers, Layer::kProvider, fingerprinter, documents[d], states[d], part);
        }
        for (const Sample::Row& row : part.rows()) {
          if (part_kept.Takes(row.fingerprint)) part_kept.Add(row.fingerprint, row.score);
        }
        REQUIRE(sample.Merge(std::move(part)));
        REQUIRE(smallest.Merge(std::move(part_kept)));
      }
      sampled.Add(law, sample.rows().size(), sample.statistic());
      kept.Add(law, smallest.rows().size(), smallest.statistic());
    }
    table << "| " << h << " | " << evidence.size() << " |";
    for (const Way* way : {&whole, &sampled, &kept, &tokens, &added, &shards}) table << " " << 100. * static_cast<double>(way->rejected) / kKeys << " % |";
    table << "\n";
    for (const Way* way : {&whole, &sampled, &kept}) CHECK(WithinBinomialBand(way->rejected, kKeys, way->sizes / kKeys, 1e-7));
    for (const Way* way : {&tokens, &added, &shards}) CHECK(way->rejected >= kKeys * 7 / 100);  // controls
  }
  MESSAGE(table.str());
}
