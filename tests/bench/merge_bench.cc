// Merging 10,000 units of 100 MB in all (corpus.md C17: below 10 s and 512 MiB). Prints seconds and the peak of resident memory.
//
// usage: merge_bench FOLDER [UNITS] [BYTES]    the folder is filled with a run and kept
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "tests/bench/bench_profile.h"
#include "verify/corpus/edges.h"
#include "verify/corpus/merge.h"
#include "verify/corpus/unit_file.h"
#include "verify/law.h"

namespace {

using namespace verdigris;
using namespace verdigris::verify;

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Half of the bytes rows of documents, half groups.
std::string MakeUnit(const RunObject& run, const NullLaw& law, const Unit& unit, size_t bytes, std::mt19937_64& random) {
  UnitSummary summary = EmptySummary(run, unit);
  summary.last = true;
  UnitFileBuilder builder("/tmp");
  GroupStates groups(run.group, false, UnitId(unit), "/tmp", uint64_t{1} << 30);
  size_t written = 0;
  for (uint64_t ordinal = 0; written < bytes / 2; ++ordinal) {
    DocRow row;
    row.n = 400 + random() % 100;
    const bool marked = random() % 12 == 0;
    do {
      row.s = std::binomial_distribution<uint64_t>(row.n, .25 + (marked ? .15 : 0))(random);
      row.counts = {row.n, 0, 0, 0, 0, row.n, 0};
    } while (marked && !FindPlace(law, row.n, row.s, Log10UpperTail(law, row.n, row.s), run.tau_hundredths).row);
    const PlaceOfP place = FindPlace(law, row.n, row.s, Log10UpperTail(law, row.n, row.s), run.tau_hundredths);
    summary.results[0].Add(row.counts, place);
    ++summary.counts.documents;
    ++summary.counts.tested;
    if (!place.row) continue;
    row.group = "host-" + std::to_string(random() % 2000) + ".example";
    row.id = "document " + std::to_string(random());
    row.ordinal = ordinal;
    row.spans = {{0, row.n, 0, 4 * row.n}};
    for (uint8_t& byte : row.text) byte = static_cast<uint8_t>(random());
    if (!builder.Add(row)) std::abort();
    written += DocRowJson(row).size();
  }
  for (written = 0; written < bytes / 2;) {
    auto sample = groups.SampleOf("host-" + std::to_string(random() % 2000) + ".example", 0, 0, 0);
    if (!sample) std::abort();
    written += 40;
    for (int i = 0; i < 40; ++i, written += 28) {
      Fingerprint fingerprint;
      for (uint8_t& byte : fingerprint) byte = static_cast<uint8_t>(random());
      (*sample)->Add(fingerprint, random() % 4 == 0);
    }
  }
  std::string out;
  const auto block = groups.Finish();
  if (!block || !builder.Finish(summary, *block, [&](std::string_view piece) -> Result<void> { return out += piece, Result<void>(); })) std::abort();
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: merge_bench FOLDER [UNITS] [BYTES]\n", stderr), 2;
  const std::string folder = argv[1];
  const size_t units = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000, bytes = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 100'000'000;
  const Profile profile = BenchProfile(1000, kFullShare, false);
  RunObject run;
  run.profile = profile.digest();
  run.tokenizer = profile.tokenizer_sha256();
  run.tests = {{{"0123456789abcdef"}, "as-is"}};
  run.group = {"host", 65536, 0};
  UnitList list;
  list.run = RunDigest(run);
  std::mt19937_64 random(1);
  uint64_t total = 0;
  for (size_t i = 0; i < units; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "part-%06zu.jsonl", i);
    ListedInput input{{"jsonl", "text", 0, 1'000'000, 1 << 20, name}, 0, true, 1};
    list.inputs.push_back(input);
    const std::string unit = MakeUnit(run, profile.scheme().null_law(profile), input.unit, bytes / units, random);
    total += unit.size();
    const std::string id = Hex(UnitId(input.unit));
    WriteBytes(folder + "/done/" + id.substr(0, 2) + "/" + id + ".unit", unit);
  }
  WriteBytes(folder + "/run.json", RunJson(run));
  WriteBytes(folder + "/profiles/" + Hex(run.profile) + ".json", profile.bytes());
  WriteBytes(folder + "/units.jsonl", UnitListJson(list));

  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  MergeOptions options;
  options.directories = {folder};
  options.output = folder + "/out";
  const auto merged = MergeCorpus(options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!merged) return std::fprintf(stderr, "%s\n", merged.error().message.c_str()), 1;
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  const auto cpu = [](const rusage& use) {
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
  };
  std::printf("%zu units, %.1f MB, %llu rows, %llu groups: %.2f s (%.2f s of CPU), peak %.0f MiB\n", units, static_cast<double>(total) / 1e6,
              static_cast<unsigned long long>(merged->summary.tests[0].rows), static_cast<unsigned long long>(merged->summary.groups), seconds, cpu(after) - cpu(before),
              static_cast<double>(after.ru_maxrss) / 1024);
  return 0;
}
