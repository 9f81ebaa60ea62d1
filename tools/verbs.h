// The verbs, each in a file of its own: cmd_<verb>.cc.
#pragma once

#include "tools/cli.h"

namespace verdigris::tools {

extern const Verb kKeygen, kProfileNew, kProfileShow, kProfileDigest, kDerive, kGenerate, kDetect, kShow, kPower, kCalibrate, kFilterBuild, kFilterShow, kFilterUnite, kFilterIntersect, kAttribute, kInvestigatePlan, kInvestigateCollect, kInvestigateTest, kScan, kMerge, kReport, kSchemes, kSelftest, kPages;

}  // namespace verdigris::tools
