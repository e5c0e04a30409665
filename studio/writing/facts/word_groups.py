"""Words of which a thing is only one: colours, materials, relatives, kinds of food, ways to pay.

Each line is a group; of the words joined by "/" each says the same. A line that begins with
blanks belongs to the one before.
"""

from __future__ import annotations

import re
from functools import cache

_GROUPS = """
rose/roses tulip/tulips lily/lilies daffodil/daffodils poppy/poppies lavender orchid/orchids
wheat barley oats rye maize rice
owl/owls eagle/eagles swan/swans heron/herons robin/robins falcon/falcons kestrel/kestrels
  stork/storks
heart liver kidney lung brain stomach
measles mumps flu malaria cholera tetanus
maths/mathematics physics chemistry biology history geography
novel poem/poems essay/essays
documentary comedy drama thriller
diesel petrol electric hydrogen solar nuclear
fridge oven dishwasher kettle toaster
table desk sofa bench
coat jacket shirt trousers dress gloves scarf
radio television newspaper
bachelor's master's doctoral/doctorate/phd
ballet opera
passport driving-licence
cheddar brie gouda feta mozzarella
mars venus jupiter saturn mercury
africa asia europe australia antarctica
left right
upstairs downstairs
urban rural
public private
domestic foreign
permanent temporary
male/men/boys female/women/girls
full-time part-time
single double triple
wholesale retail
gross net
import/imports export/exports
red blue green yellow black white grey/gray orange/oranges purple pink brown beige turquoise navy
gold/golden silver bronze
oak pine beech birch walnut/walnuts ash teak steel/stainless aluminium/aluminum copper brass iron
  plastic glass granite marble limestone sandstone brick concrete
cotton wool linen silk leather nylon polyester
mother father grandmother grandfather sister brother aunt uncle daughter son wife husband cousin
  niece nephew
breakfast lunch dinner supper
spring summer autumn winter
rain snow hail fog frost storm/gale sleet sunshine drought
apple/apples pear/pears plum/plums cherry/cherries peach/peaches apricot/apricots lemon/lemons
  lime grape/grapes banana/bananas strawberry/strawberries raspberry/raspberries mango
carrot/carrots potato/potatoes onion/onions leek/leeks cabbage bean/beans pea/peas lentil/lentils
  tomato/tomatoes pumpkin spinach
fruit/fruits vegetable/vegetables
almond/almonds hazelnut/hazelnuts walnut/walnuts peanut/peanuts cashew/cashews pistachio/pistachios
beef pork chicken lamb turkey salmon cod tuna duck
tea coffee wine beer juice milk
dog/dogs cat/cats horse/horses rabbit/rabbits sheep cow/cows pig/pigs goat/goats hen/hens
bus/buses/coach train/trains tram/trams lorry/truck/lorries/trucks car/cars taxi/taxis van/vans
  ferry/ferries plane/flight bicycle/bike/cycle/bicycles/bikes
piano violin cello organ flute guitar trumpet harp clarinet oboe drums
arm leg shoulder knee hip wrist ankle elbow shin thigh neck back finger toe
telephone/phone online post email/e-mail letter
cash card cheque voucher
kitchen bathroom bedroom garage cellar attic living-room
security platform finance marketing sales legal engineering design facilities procurement
theft fraud robbery burglary assault arson murder
fire flood earthquake explosion collision
hospital school library museum church theatre town-hall station airport
roof floor wall ceiling window door
satisfactory good excellent poor
partial total
north south east west
english french german spanish italian portuguese dutch polish russian arabic chinese japanese
  korean turkish swedish danish
morning afternoon evening
football rugby cricket tennis hockey basketball volleyball handball
injured/hurt killed/dead
painter sculptor poet novelist composer photographer
primary secondary
square oval round triangular
christian muslim jewish hindu buddhist
bach beethoven mozart brahms schubert haydn chopin mahler handel vivaldi dvořák sibelius verdi
  puccini
玫瑰 百合 郁金香 牡丹 荷花 菊花 樱花 梅花
水稻 小麦 玉米 大豆 棉花 花生
煤炭 石油 天然气 风电 光伏 核电 水电
绿茶 红茶 白茶 乌龙茶 普洱
白酒 啤酒 红酒 黄酒
语文 数学 物理 化学 生物 历史 地理
身份证 护照 驾驶证 户口本
心脏 肝脏 肾脏 肺部 脑部 胃部
足球 篮球 排球 羽毛球 乒乓球 网球
冰箱 洗衣机 空调 热水器 微波炉
小学 初中 高中
教师 护士 厨师 律师 会计 工程师
纯棉 羊毛 真丝 涤纶
亚洲 欧洲 非洲 南美洲 北美洲
公立 私立
城镇 农村
短期 长期
新建 改建 扩建
左手 右手
左腿 右腿
左眼 右眼
毛利 净利
红色 橙色 黄色 绿色 蓝色 紫色 黑色 白色 灰色 粉色 棕色 银色 金色
金奖 银奖 铜奖
金牌 银牌 铜牌
一等奖 二等奖 三等奖
父亲/爸爸 母亲/妈妈 祖父/爷爷 祖母/奶奶 外公 外婆 姐姐 妹妹 哥哥 弟弟 叔叔 舅舅 姑姑
  儿子 女儿 妻子 丈夫
早餐 午餐 晚餐
春季/春天 夏季/夏天 秋季/秋天 冬季/冬天
霜冻 冰雹 暴雨 暴雪 台风 大雾 干旱 洪水
苹果 梨子 桃子 葡萄 草莓 橙子 香蕉 西瓜 樱桃
水果 蔬菜
牛肉 猪肉 羊肉 鸡肉 鱼肉
货车 客车 出租车 公交车 卡车 轿车 摩托车 火车 高铁 轮船 飞机
钢琴 小提琴 大提琴 吉他 古筝 琵琶 二胡 长笛
本科 硕士/读研 博士/读博
左侧 右侧
东西 南北
东侧 西侧 南侧 北侧
东门 西门 南门 北门
上午 下午
工作日 周末 节假日
董事会 股东大会 监事会
街道办 区政府 市政府 县政府 居委会 村委会
法院 检察院 公安局
人民医院 中医院 妇幼保健院
电话 短信 邮件 微信
现金 刷卡 转账
国内 国外/海外
进口 出口
线上 线下
年初 年中 年末/年底
橡胶 塑料 不锈钢 铝合金 实木 胡桃木 橡木 松木
普通话 粤语 英语/英文 法语/法文 德语/德文 日语/日文 韩语 俄语
正方 反方
甲方 乙方
买方 卖方
房东 租客/租户
主队 客队
首日 次日/第二天 末日
骨折 扭伤 擦伤
初赛 复赛 半决赛 决赛
男子 女子
儿童 成人 老人
"""
_HAN = "\u4e00"


@cache
def groups() -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return the groups; each has its things, each thing the words for it."""
    return tuple(
        tuple(tuple(thing.replace("-", " ").split("/")) for thing in line.split())
        for line in _GROUPS.strip().replace("\n  ", " ").splitlines()
    )


@cache
def pattern_of(thing: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds the words for a thing in a text."""
    words = "|".join(re.escape(word) for word in thing)
    if thing[0][0] >= _HAN:
        return re.compile(words)
    return re.compile(rf"\b(?:{words})s?\b", re.IGNORECASE)
