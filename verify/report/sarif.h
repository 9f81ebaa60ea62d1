// Findings as SARIF 2.1.0 (OASIS, 2020), for tools that gather what scanners report.
#pragma once

#include <span>

#include "verify/corpus/result_files.h"
#include "verify/report/html.h"  // Sink

namespace verdigris::verify {

inline constexpr size_t kMostSarifResults = 5000;

// One log with one run; `rows` are the findings of least p, ascending, out of `findings` in all.
void WriteSarif(const CorpusSummary& summary, std::span<const DocumentResult> rows, uint64_t findings, const Sink& out);

}  // namespace verdigris::verify
