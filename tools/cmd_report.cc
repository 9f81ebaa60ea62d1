// verdigris report: the result files of a corpus as a page for people, or as files that other programs read. Nothing is
// computed again, and memory does not grow with the results. Tested by tests/cli/report*.sh and tests/report/.
#include <algorithm>
#include <optional>

#include "tools/corpus_texts.h"
#include "tools/dolma.h"
#include "tools/inputs.h"
#include "tools/judgement.h"
#include "tools/terminal/message.h"
#include "tools/terminal/printable.h"
#include "tools/verbs.h"
#include "tools/write_key.h"  // AsWriteError
#include "verify/corpus/parquet_writer.h"
#include "verify/corpus/result_files.h"
#include "verify/file.h"
#include "verify/report/corpus_page.h"
#include "verify/report/sarif.h"
#include "verify/report/table.h"

namespace verdigris::tools {
namespace {

using verify::CorpusSummary;
using verify::DocumentResult;

struct Options {
  std::string format = "html", output, snippet = "0", base, units;
  JudgeArguments judge;  // for the texts shown
  bool all = false;
};

constexpr size_t kMaxSummaryBytes = size_t{64} << 20;

// The four files of one folder.
class Results {
 public:
  static Result<Results> Open(const std::string& folder, std::string& hint) {
    const std::string path = folder + "/" + std::string(verify::kSummaryFile);
    auto bytes = verify::ReadFile(path, kMaxSummaryBytes);
    if (!bytes) {
      if (bytes.error().kind == ErrorKind::kNotFound) hint = "`verdigris merge RUN -o OUT` writes the files that a report is made from";
      return Unexpected(bytes.error());
    }
    auto summary = verify::ParseCorpusSummary(*bytes);
    if (!summary) return InFile(path, summary.error());
    return Results(folder, std::move(*summary));
  }

  const CorpusSummary& summary() const { return summary_; }
  const std::string& folder() const { return folder_; }

  // Gives each row of a file to `each`. Errors name the line.
  template <class Row, class Function>
  Result<void> ForEach(std::string_view file, Function&& each) const {
    VERDIGRIS_ASSIGN_OR_RETURN(auto reader, verify::ResultReader<Row>::Open(folder_ + "/" + std::string(file)));
    for (Row row;;) {
      VERDIGRIS_ASSIGN_OR_RETURN(const bool more, reader.Next(row));
      if (!more) return {};
      each(row);
    }
  }
  // Documents; that they are those of the summary is checked, so that a file that was cut off is seen.
  template <class Function>
  Result<void> ForEachDocument(Function&& each) const {
    std::vector<uint64_t> rows(summary_.tests.size(), 0), findings(summary_.tests.size(), 0);
    bool unknown_test = false;
    VERDIGRIS_RETURN_IF_ERROR(ForEach<DocumentResult>(verify::kResultsFile, [&](const DocumentResult& row) {
      if (row.test >= rows.size()) {
        unknown_test = true;
        return;
      }
      ++rows[row.test];
      findings[row.test] += row.finding;
      each(row);
    }));
    const std::string where = folder_ + ": ";
    if (unknown_test) return Fail(ErrorKind::kMismatch, where + "results.jsonl names a test that summary.json does not have");
    for (size_t i = 0; i < rows.size(); ++i) {
      const verify::TestSummary& test = summary_.tests[i];
      if (rows[i] == test.rows && findings[i] == test.findings) continue;
      return Fail(ErrorKind::kMismatch, where + "results.jsonl has " + std::to_string(rows[i]) + " rows and " + std::to_string(findings[i]) + " findings of test " +
                                            std::to_string(i) + ", summary.json says " + std::to_string(test.rows) + " and " + std::to_string(test.findings));
    }
    return {};
  }

 private:
  Results(std::string folder, CorpusSummary summary) : folder_(std::move(folder)), summary_(std::move(summary)) {}
  std::string folder_;
  CorpusSummary summary_;
};

// What shows the texts on a page; none where none is asked for.
struct Texts {
  uint64_t count = 0;
  std::optional<Judge> judge;
  std::optional<CorpusTexts> inputs;
};
// The directory of the run that units.jsonl lies in.
std::string RunFolder(const Options& options, const Results& results) {
  const size_t slash = options.units.rfind('/');
  return options.units.empty() ? results.folder() : slash == std::string::npos ? "." : options.units.substr(0, slash);
}
constexpr const char* kWhereTheRunIs = "--units names units.jsonl of the run, --base the folder that its inputs lie in";

Result<Texts> OpenTexts(const Options& options, const Results& results, std::string& hint) {
  Texts texts;
  VERDIGRIS_ASSIGN_OR_RETURN(texts.count, ParseInteger("--snippet", options.snippet, 0, verify::CorpusPage::kMostSnippets));
  if (texts.count == 0) return texts;
  if (options.judge.profile.empty() || options.judge.keys.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--snippet needs the --profile and --key that the corpus was scanned with");
  }
  auto run = OpenRunToRead(RunFolder(options, results), options.base, results.summary());
  if (!run) {
    if (run.error().kind == ErrorKind::kNotFound) hint = kWhereTheRunIs;
    return Unexpected(run.error());
  }
  texts.inputs.emplace(std::move(*run));
  const verify::RunObject& read = texts.inputs->run().run;
  JudgeArguments judge = options.judge;
  judge.rule = read.rule == Rule::kFirst ? "first" : "tuple";
  judge.without_selector = read.selector.empty();
  VERDIGRIS_ASSIGN_OR_RETURN(texts.judge, MakeJudge(judge, /*needs_tokenizer=*/read.tokenizer.has_value(), hint));
  if (Hex(texts.judge->profile().digest()) != results.summary().profile) {
    return Fail(ErrorKind::kMismatch, options.judge.profile + ": sha256 is " + Hex(texts.judge->profile().digest()) + ", the corpus was scanned with profile " + results.summary().profile);
  }
  return texts;
}

Result<void> WriteHtml(const Results& results, const Texts& texts, const verify::Sink& out) {
  verify::CorpusPage page(results.summary(), results.folder());
  VERDIGRIS_RETURN_IF_ERROR(results.ForEachDocument([&](const DocumentResult& row) { page.Add(row); }));
  VERDIGRIS_RETURN_IF_ERROR(results.ForEach<verify::GroupResult>(verify::kGroupsFile, [&](const verify::GroupResult& row) { page.Add(row); }));
  VERDIGRIS_RETURN_IF_ERROR(results.ForEach<verify::ErrorResult>(verify::kErrorsFile, [&](const verify::ErrorResult& row) { page.Add(row); }));
  page.Write(texts.count, [&](const DocumentResult& row) { return ReadSnippet(*texts.inputs, *texts.judge, row); }, out);
  return {};
}

Result<void> WriteTable(const Results& results, verify::TableForm form, bool all, const verify::Sink& out) {
  out(verify::TableHead(form));
  return results.ForEachDocument([&](const DocumentResult& row) {
    if (row.finding || all) out(verify::TableRow(form, row));
  });
}

Result<void> WriteParquet(const Results& results, bool all, const verify::Sink& out, std::string& hint) {
  auto writer = verify::OpenParquetWriter(out);
  if (!writer) {
    hint = "write --format csv and convert it, such as with DuckDB: copy (from 'findings.csv') to 'findings.parquet'";
    return Unexpected(writer.error());
  }
  Result<void> written;
  VERDIGRIS_RETURN_IF_ERROR(results.ForEachDocument([&](const DocumentResult& row) {
    if (written && (row.finding || all)) written = (*writer)->Add(row);
  }));
  VERDIGRIS_RETURN_IF_ERROR(written);
  return (*writer)->Finish();
}

Result<void> WriteSarifFile(const Results& results, const verify::Sink& out) {
  verify::Smallest<DocumentResult> rows(verify::kMostSarifResults);
  VERDIGRIS_RETURN_IF_ERROR(results.ForEachDocument([&](const DocumentResult& row) {
    if (row.finding) rows.Add(row);
  }));
  verify::WriteSarif(results.summary(), rows.Take(), rows.seen(), out);
  return {};
}

Result<ExitCode> ReportDolma(const Options& options, const Results& results, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(auto rows, verify::ResultReader<DocumentResult>::Open(results.folder() + "/" + std::string(verify::kResultsFile)));
  auto written = WriteDolma(std::move(rows), results.summary(), RunFolder(options, results), options.base, options.output);
  if (!written && written.error().kind == ErrorKind::kNotFound) hint = kWhereTheRunIs;
  VERDIGRIS_RETURN_IF_ERROR(written);
  return kExitYes;
}

Result<ExitCode> Report(const Options& options, Context& context) {
  if (context.files.size() != 1) return Fail(ErrorKind::kInvalidArgument, "one folder of results is needed, got " + std::to_string(context.files.size()));
  static constexpr std::string_view kFormats[] = {"html", "csv", "tsv", "parquet", "sarif", "dolma"};
  if (std::find(std::begin(kFormats), std::end(kFormats), options.format) == std::end(kFormats)) {
    return Fail(ErrorKind::kInvalidArgument, "--format must be html, csv, tsv, parquet, sarif or dolma, got " + Shown(options.format));
  }
  const bool table = options.format == "csv" || options.format == "tsv";
  if (options.all && !table && options.format != "parquet") return Fail(ErrorKind::kInvalidArgument, "--all belongs to --format csv, tsv and parquet");
  VERDIGRIS_ASSIGN_OR_RETURN(const Results results, Results::Open(context.files.front(), context.hint));
  if (options.format != "html" && options.snippet != "0") return Fail(ErrorKind::kInvalidArgument, "--snippet belongs to --format html");
  VERDIGRIS_ASSIGN_OR_RETURN(const Texts texts, OpenTexts(options, results, context.hint));
  if (options.format == "dolma") return ReportDolma(options, results, context.hint);
  auto file = verify::AtomicFile::Create(options.output);
  if (!file) return AsWriteError(file.error());
  const verify::Sink out = [&](std::string_view bytes) { file->Write(bytes); };
  if (table) {
    VERDIGRIS_RETURN_IF_ERROR(WriteTable(results, options.format == "csv" ? verify::TableForm::kCsv : verify::TableForm::kTsv, options.all, out));
  } else if (options.format == "parquet") {
    VERDIGRIS_RETURN_IF_ERROR(WriteParquet(results, options.all, out, context.hint));
  } else if (options.format == "sarif") {
    VERDIGRIS_RETURN_IF_ERROR(WriteSarifFile(results, out));
  } else {
    VERDIGRIS_RETURN_IF_ERROR(WriteHtml(results, texts, out));
  }
  if (auto written = file->Commit(); !written) return AsWriteError(written.error());
  return kExitYes;
}

Command Add(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--format", options->format, "of the file written (html)")->type_name("html|csv|tsv|parquet|sarif|dolma");
  app.add_flag("--all", options->all, "csv, tsv, parquet: rows that are no findings, too");
  app.add_option("-o,--output", options->output, "the file to write; dolma: a new folder")->type_name("FILE")->required();
  app.add_option("--snippet", options->snippet, "html: show the texts of N findings (0)")->type_name("N");
  app.add_option("--profile", options->judge.profile, "profile of the scan, for --snippet")->type_name("FILE");
  app.add_option("--key", options->judge.keys, "keys of the scan, for --snippet")->type_name("FILE")->allow_extra_args(false);
  app.add_option("--tokenizer", options->judge.tokenizer, "tokenizer, if not beside the profile")->type_name("FILE");
  app.add_option("--units", options->units, "list of the inputs (DIR/units.jsonl)")->type_name("FILE");
  app.add_option("--base", options->base, "folder that input names are relative to")->type_name("DIR");
  AddSecretOptions(app, options->judge.secrets);
  return [options](Context& context) { return Report(*options, context); };
}

}  // namespace

const Verb kReport = {"report",
                      "shows what was found in a corpus, as a page or a table",
                      "DIR [--format FORMAT] -o FILE",
                      "verdigris report results/ -o report.html",
                      true,
                      Add,
                      "DIR holds results.jsonl, groups.jsonl, errors.jsonl and summary.json;\nthe page needs no network and no script"};

}  // namespace verdigris::tools
