import { kernelSuite } from '../../conformance/kernel.suite.ts';
import { openBareKernel, openGlue, openReference } from '../../conformance/kernel-judges.ts';

kernelSuite('the kernel', openBareKernel);
kernelSuite('the nonce kernel of the threads', openGlue);
kernelSuite('the official SDK', openReference);
