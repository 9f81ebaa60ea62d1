// The calibration file: written, read back, refused where it is not what WriteCalibration would write; and what it decides.
#include "verify/calibration_file.h"

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

Calibration Example() {
  Calibration calibration;
  calibration.scheme_id = TaggedHash("a", {});
  calibration.profile = TaggedHash("b", {});
  calibration.content = TaggedHash("c", {});
  calibration.assign = Assign::kFirstSeen;
  calibration.min_scored = 50;
  calibration.documents = 100;
  calibration.tokens = 12345;
  calibration.overlap = {97, 5000, 20000};
  calibration.predicted.fill({0.001, 0.25});
  Calibration::Test test;
  test.kids = {"0123456789abcdef"};
  test.tested = 90;
  test.rates[0] = {9, {0.03, 0.21}};
  calibration.tests = {test, test};
  calibration.tests[1].kids = {"00000000000000aa", "00000000000000bb"};
  calibration.random_keys = Calibration::RandomKeys{200, 90, {}, 4000, {20, 2, 0}, true};
  calibration.stop_bound = 12;
  calibration.root = TaggedHash("d", {});
  calibration.sample_log2 = 6;
  Calibration::Group group;
  group.documents = 40;
  group.overlap = {38, 100, 900};
  group.tests = calibration.tests;
  calibration.groups = {group, group};
  calibration.groups[1].name = "example.org";
  calibration.groups[1].stop_bound = 3;
  calibration.groups[1].random_rates.emplace();
  Calibration::Text text{};
  calibration.texts.push_back(text);
  text[0] = 7;
  calibration.texts.push_back(text);
  return calibration;
}

}  // namespace

TEST_CASE("a calibration file is read back member by member, with and without its optional parts") {
  for (const bool full : {true, false}) {
    Calibration want = Example();
    if (!full) {
      want.random_keys.reset();
      want.stop_bound.reset();
      want.root.reset();
      want.sample_log2 = 0;
      want.groups.clear();
      want.texts.clear();
    }
    const std::string bytes = WriteCalibration(want);
    const auto got = ParseCalibration(bytes);
    REQUIRE_MESSAGE(got.has_value(), got.error().message);
    CHECK(WriteCalibration(*got) == bytes);
    CHECK(got->content == want.content);
    CHECK(got->assign == Assign::kFirstSeen);
    CHECK(got->overlap.pairs == 5000);
    CHECK(got->tests[1].kids == want.tests[1].kids);
    CHECK(got->tests[0].rates[0].band.upper == 0.21);
    CHECK(got->stop_bound == want.stop_bound);
    CHECK(got->texts == want.texts);
    CHECK(got->root == want.root);
    CHECK(got->sample_log2 == want.sample_log2);
    REQUIRE(got->groups.size() == want.groups.size());
    if (full) {
      CHECK(got->groups[0].overlap.sizes == 900);
      CHECK_FALSE(got->groups[0].random_rates.has_value());
      CHECK(got->groups[1].name == "example.org");
      CHECK(got->groups[1].stop_bound == 3);
      CHECK(got->groups[1].random_rates.has_value());
    }
    CHECK(got->random_keys.has_value() == full);
  }
}

TEST_CASE("damaged calibration files are refused, and the member is named") {
  const std::string bytes = WriteCalibration(Example());
  const auto message = [&](std::string_view from, std::string_view to) {
    std::string changed = bytes;
    const size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    const auto parsed = ParseCalibration(changed);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  CHECK(message("verdigris.calibration/1", "verdigris.calibration/2") == "not a file of schema verdigris.calibration/1");
  CHECK(message("\"tokens\":12345", "\"tokens\":-1") == "tokens must be in [0,9007199254740991], got -1");
  CHECK(message("\"tokens\":12345", "\"tokens\":\"1\"") == "tokens must be an integer");
  CHECK(message(",\"tokens\":12345", "") == "tokens is missing");
  CHECK(message("\"tokens\":12345", "\"tokens\":12345,\"tokenz\":1") == "the file has a member that is not known");
  CHECK(message("\"rule\":\"first\"", "\"rule\":\"other\"") == "rule must be one of first, tuple");
  CHECK(message("\"sample_log2\":6", "\"sample_log2\":0") == "sample_log2 must be in [1,64], got 0");
  CHECK(message("\"sample_log2\":6", "\"sample_log2\":65") == "sample_log2 must be in [1,64], got 65");
  CHECK(message("\"name\":\"example.org\"", "\"name\":\"\"") == "groups[1].name must come after that before it");
  CHECK(message("\"name\":\"example.org\"", "\"name\":7") == "groups[1].name must be a string");
  CHECK(message("\"pairs\":5000", "\"pairs\":5001") == "overlap.rho does not follow from the counts");
  CHECK(message("\"0123456789abcdef\"", "\"0123456789ABCDEF\"") == "groups[0].tests[0].kids must be 1 or 2 key ids in lower-case hex");
  CHECK(message("\"counts\":[9,", "\"counts\":[91,") == "groups[0].tests[0].counts must be a list of integers in [0,90]");
  CHECK(message("\"from\":\"0.03\"", "\"from\":\"0.030\"") == "groups[0].tests[0].bands[0].from must be a string with a number in [0,1], as short as it can be");
  CHECK(message("\"from\":\"0.03\"", "\"from\":\"nan\"") != "accepted");
  CHECK(message("\"from\":\"0.03\"", "\"from\":\"0.22\"") != "accepted");  // above `to`
  CHECK(message("\"passed\":1", "\"passed\":2") == "random_keys.passed must be in [0,1], got 2");
  CHECK(message("\"pooled_counts\":[20", "\"pooled_counts\":[201") == "random_keys.pooled_counts must be a list of integers in [0,200]");
  CHECK(message("\"07000000", "\"00000000") == "texts must be 16 bytes each in lower-case hex, and ascend");
  CHECK(message("\n", "") == "does not end with a line feed");
  CHECK_FALSE(ParseCalibration("").has_value());
  CHECK_FALSE(ParseCalibration("[]\n").has_value());
  CHECK_FALSE(ParseCalibration("{}\n").has_value());
  for (size_t length = 0; length < bytes.size(); ++length) CHECK_FALSE(ParseCalibration(bytes.substr(0, length)).has_value());
}

TEST_CASE("P19: a key is not tested on what it was chosen on, and what it was chosen among is counted") {
  Calibration calibration = Example();
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 5000));
  calibration.scheme_id = profile.scheme_id();
  const std::string text = "some text";
  const Digest digest = Sha256(AsBytes(text));
  std::copy_n(digest.begin(), 16, calibration.texts[1].begin());
  if (calibration.texts[1] < calibration.texts[0]) std::swap(calibration.texts[0], calibration.texts[1]);
  const std::string kids[] = {"0123456789abcdef"};
  const Digest other = TaggedHash("other", {});
  const auto message = [&](std::span<const std::string> of, const Digest& content, std::span<const Digest> texts) {
    const auto tried = KeysTried(calibration, profile, of, content, texts);
    return tried ? std::to_string(*tried) : tried.error().message;
  };
  CHECK(message(kids, other, {}) == "2");
  CHECK(message(kids, other, std::span(&other, 1)) == "2");
  CHECK(message(kids, calibration.content, {}).find("this is the corpus of the calibration") == 0);
  CHECK(message(kids, other, std::span(&digest, 1)).find("the text with SHA-256 " + Hex(digest) + " is part of the calibration") == 0);
  calibration.root = digest;
  CHECK(CheckRoot(calibration, digest).error().message.find("this is the corpus of the calibration, evidence root " + Hex(digest)) == 0);
  CHECK(CheckRoot(calibration, other).has_value());
  calibration.root.reset();
  CHECK(CheckRoot(calibration, digest).has_value());
  const std::string strangers[] = {"ffffffffffffffff"};
  CHECK(message(strangers, other, {}) == "the calibration did not try key ffffffffffffffff");
  calibration.scheme_id = other;
  CHECK(message(kids, other, {}).find("the calibration is of scheme_id ") == 0);
}
