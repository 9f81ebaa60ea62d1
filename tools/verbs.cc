// The order is that of a first use; help, man page and completions walk this table.
#include "tools/verbs.h"

namespace verdigris::tools {

std::span<const Verb> Verbs() {
  static const Verb kVerbs[] = {kKeygen, kProfileNew, kProfileShow, kProfileDigest, kDerive, kGenerate, kDetect, kShow, kPower, kCalibrate, kFilterBuild, kFilterShow, kFilterUnite, kFilterIntersect, kAttribute, kInvestigatePlan, kInvestigateCollect, kInvestigateTest, kScan, kMerge, kReport, kSchemes, kSelftest, kPages};
  return kVerbs;
}

}  // namespace verdigris::tools
