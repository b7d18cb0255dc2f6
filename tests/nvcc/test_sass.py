"""The main loop, and what is in it, in text as nvdisasm writes it."""

from __future__ import annotations

from tests.nvcc.sass import Mix, read_mixes

TWO_KERNELS = """
.text.k1_product:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   LDGSTS.E [R2], desc[UR4][R4.64] ;
.L_x_1:
        /*0020*/                   FADD R3, R3, R4 ;
.L_x_2:
        /*0030*/                   LDS.128 R4, [R2] ;
        /*0040*/                   FFMA R6, R4, R5, R6 ;
        /*0050*/                   FFMA R7, R4, R5, R7 ;
        /*0060*/              @!P0 BRA `(.L_x_2) ;
        /*0070*/              @!P1 BRA `(.L_x_1) ;
.L_x_3:
        /*0080*/                   IADD3 R1, R1, 0x1, RZ ;
        /*0090*/                   IADD3 R1, R1, 0x1, RZ ;
        /*00a0*/                   IADD3 R1, R1, 0x1, RZ ;
        /*00b0*/                   IADD3 R1, R1, 0x1, RZ ;
        /*00c0*/             @!UP2 BRA `(.L_x_3) ;
        /*00d0*/               @P0 BRA `(.L_x_4) ;
        /*00e0*/                   HMMA.16816.F32 R8, R4, R6, R8 ;
        /*00f0*/                   STL [R1], R8 ;
.L_x_4:
        /*0100*/                   EXIT ;
.L_x_5:
        /*0110*/                   BRA `(.L_x_5);
        /*0120*/                   NOP;
.text.k0_straight:
        /*0000*/                   FFMA R6, R4, R5, R6 ;
        /*0010*/                   EXIT ;
.L_x_6:
        /*0020*/                   BRA `(.L_x_6);
"""


def test_the_main_loop_is_the_innermost_one_with_the_most_multiply_adds() -> None:
    mixes = read_mixes(TWO_KERNELS)
    assert mixes["k1_product"] == Mix(
        instructions=17, loop=4, multiply_adds=2, matrix=1, copies=1, local=1
    )
    assert mixes["k0_straight"] == Mix(2, loop=0, multiply_adds=0, matrix=0, copies=0, local=0)
