// Agreement with the second implementation on random profiles, keys and texts: layers, colours, n, statistic, log10 p.
// It lies in the folder shared/ beside the repository and needs Python's `cryptography`; without them the test skips.
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "tests/verify/vectors.h"
#include "tests/watermark/testing.h"
#include "verify/judge.h"
#include "verify/law.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("slow: 10,000 random cases agree with the second implementation") {
  const std::string reference = VERDIGRIS_SHARED_DIR "/reference";
  const std::string probe = "/usr/bin/python3 -c 'import sys; sys.path.insert(0, \"" + reference + "\"); import verdigris_ref' 2>/dev/null";
  if (std::system(probe.c_str()) != 0) {
    MESSAGE("skipped: no second implementation beside the repository, or no python3-cryptography");
    return;
  }
  const std::string command = "/usr/bin/python3 " VERDIGRIS_SOURCE_DIR "/tests/interop/reference_cases.py " + reference + " 10000 20261124";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  REQUIRE(pipe != nullptr);
  char* line = nullptr;
  size_t capacity = 0;
  int cases = 0, repeated = 0, special = 0;
  while (getline(&line, &capacity, pipe.get()) > 0) {
    const auto c = nlohmann::json::parse(line);
    CAPTURE(line);
    const auto profile = *MakeProfile(c["scheme"]);
    const std::vector<uint32_t> ids = c["ids"];
    const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, KeyFromHex(c["keys"]["provider"]));
    const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, KeyFromHex(c["keys"]["selector"]));
    const KeyFile account = LayerKeyFile(profile, KeyRole::kAccount, KeyFromHex(c["keys"]["account"]), "a");
    const KeyFile* all[] = {&provider, &selector, &account};
    const auto keys = JudgeKeys::Create(profile, all, false);
    REQUIRE(keys.has_value());
    for (const auto& row : c["rows"]) {
      JudgeOptions options;
      options.rule = row["rule"] == "first" ? Rule::kFirst : Rule::kTuple;
      const auto findings = JudgeText(*keys, ids, options, nullptr);
      REQUIRE(findings.has_value());
      REQUIRE(findings->size() == 1);
      const Finding& finding = findings->front();
      repeated += finding.counts.repeated + finding.counts.duplicate > 0;
      special += finding.counts.special > 0;
      bool found = false;
      for (const LayerResult& layer : finding.layers) {
        if (LayerName(layer.layer) != row["layer"].get<std::string>()) continue;
        found = true;
        CHECK(layer.n == row["n"]);
        CHECK(layer.statistic == row["s"].get<uint64_t>());
        // The reference takes log10 of an exact ratio in binary64: 1e-9 is its own rounding near p = 1.
        CHECK(std::fabs(layer.log10_p - row["log10_p"].get<double>()) <= 1e-9);
      }
      if (!found) CHECK(row["n"] == 0);  // a layer that the share leaves out
    }
    ++cases;
  }
  std::free(line);
  CHECK(cases == 10000);
  CHECK(repeated > 1000);
  CHECK(special > 1000);
}
