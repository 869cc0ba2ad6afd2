"""Text of the images: for each script its fonts, its language in Tesseract, and words for cards and lines.

Names, companies and addresses are invented. The fonts are those of the Debian packages fonts-dejavu and
fonts-noto-cjk; they are found by file name, so a copy of the file elsewhere works as well.
"""

from dataclasses import dataclass

__all__ = ["SCRIPTS", "Font", "Script"]


@dataclass(frozen=True)
class Font:
    """A font file."""

    file: str
    """Name of the file, searched in the font folders."""
    family: str
    """The family in it, as Pango names it; a collection has several."""
    package: str
    """The Debian package that contains it."""


@dataclass(frozen=True)
class Script:
    """Vocabulary and fonts of a writing system."""

    language: str
    """Tesseract's name of the language."""
    package: str
    """The Debian package of that language."""
    fonts: tuple[Font, ...]
    people: tuple[str, ...]
    titles: tuple[str, ...]
    companies: tuple[str, ...]
    addresses: tuple[str, ...]
    """``#`` stands for a random digit."""
    contacts: tuple[str, ...]
    """Further lines of a card, all of them used; ``#`` as above."""
    sentences: tuple[str, ...]


_SANS = Font("DejaVuSans.ttf", "DejaVu Sans", "fonts-dejavu")
_SERIF = Font("DejaVuSerif.ttf", "DejaVu Serif", "fonts-dejavu")
_CJK = "fonts-noto-cjk"

SCRIPTS: dict[str, Script] = {
    "latin": Script(
        language="eng",
        package="tesseract-ocr-eng",
        fonts=(_SANS, _SERIF),
        people=(
            "Margaret Ashby",
            "Jonathan Quigley",
            "Helena Vickers",
            "Oliver Brandt",
            "Fiona Maxwell",
            "Peter Zelaya",
        ),
        titles=("Sales Director", "Chief Engineer", "Purchasing Manager", "Head of Research", "Attorney at Law"),
        companies=(
            "Northwind Optics Ltd",
            "Harbour & Quay Partners",
            "Juniper Glassworks Inc",
            "Blue Kestrel Logistics",
        ),
        addresses=(
            "## Victoria Street, Bristol BS1 #LQ",
            "### Maple Avenue, Boston MA 0####",
            "## Queen Square, Leeds",
        ),
        contacts=("Tel +44 ## #### ####", "office@example.com"),
        sentences=(
            "The quick brown fox jumps over the lazy dog.",
            "Please reply before Friday, 27 October.",
            "Every invoice above 350 pounds needs a signature.",
            "Our offices are closed between Christmas and New Year.",
            "Six jugs of liquid were packed in my box.",
            "The parcel weighs 4.8 kg and leaves on Monday.",
            "Fragile glass: keep this side up and store it dry.",
            "Meeting moved to room 219 on the second floor.",
        ),
    ),
    "cyrillic": Script(
        language="rus",
        package="tesseract-ocr-rus",
        fonts=(_SANS, _SERIF),
        people=("Екатерина Орлова", "Михаил Щербаков", "Ольга Журавлёва", "Дмитрий Кузнецов", "Анна Цветкова"),
        titles=("Директор по продажам", "Главный инженер", "Начальник отдела", "Научный сотрудник", "Бухгалтер"),
        companies=("Северная оптика", "Завод точных приборов", "Новый проект", "Издательство Горизонт"),
        addresses=("Москва, Садовая улица, дом ##", "Казань, Большая улица, дом #", "Тула, площадь Победы, дом ##"),
        contacts=("Тел. +7 ### ###-##-##", "Факс +7 ### ###-##-##"),
        sentences=(
            "Съешь ещё этих мягких французских булок.",
            "Просим ответить до пятницы, 27 октября.",
            "Договор вступает в силу после подписания.",
            "Посылка весит 4,8 кг и уходит в понедельник.",
            "Наш магазин закрыт в праздничные дни.",
            "Встреча перенесена в кабинет 219 на втором этаже.",
            "Хранить в сухом месте при комнатной температуре.",
            "Широкая электрификация южных губерний.",
        ),
    ),
    "greek": Script(
        language="ell",
        package="tesseract-ocr-ell",
        fonts=(_SANS, _SERIF),
        people=("Ελένη Παπαδοπούλου", "Γιώργος Νικολάου", "Μαρία Ξενάκη", "Κώστας Θεοδώρου", "Δήμητρα Βλάχου"),
        titles=("Διευθυντής πωλήσεων", "Αρχιμηχανικός", "Υπεύθυνη αγορών", "Ερευνητής", "Λογίστρια"),
        companies=("Οπτικά του Βορρά", "Εκδόσεις Ορίζοντας", "Ναυτιλιακή Αιγαίου", "Νέα Τεχνική"),
        addresses=("Οδός Ερμού ##, Αθήνα", "Λεωφόρος Νίκης ##, Θεσσαλονίκη", "Πλατεία Γεωργίου #, Πάτρα"),
        contacts=("Τηλ. 0030 ### #######", "Κινητό 0030 ### #######"),
        sentences=(
            "Παρακαλούμε απαντήστε πριν από την Παρασκευή.",
            "Η σύμβαση ισχύει μετά την υπογραφή της.",
            "Το δέμα ζυγίζει 4,8 κιλά και φεύγει τη Δευτέρα.",
            "Το κατάστημα είναι κλειστό τις αργίες.",
            "Η συνάντηση θα γίνει στην αίθουσα 219.",
            "Να φυλάσσεται σε δροσερό και ξηρό μέρος.",
            "Κάθε τιμολόγιο χρειάζεται δεύτερη υπογραφή.",
            "Καλημέρα σας και καλή εβδομάδα.",
        ),
    ),
    "japanese": Script(
        language="jpn",
        package="tesseract-ocr-jpn",
        fonts=(
            Font("NotoSansCJK-Regular.ttc", "Noto Sans CJK JP", _CJK),
            Font("NotoSerifCJK-Regular.ttc", "Noto Serif CJK JP", _CJK),
        ),
        people=("佐藤健一", "鈴木美咲", "高橋直樹", "渡辺恵子", "小林大輔", "中村由美"),
        titles=("営業部長", "代表取締役社長", "主任研究員", "技術開発課長", "総務担当"),
        companies=("株式会社北光学", "青葉印刷株式会社", "東海精密工業", "みなと物流サービス"),
        addresses=("東京都港区芝公園#丁目##番#号", "大阪府大阪市北区中之島#丁目##番", "京都府京都市中京区##番地"),
        contacts=("電話 ##-####-####", "携帯 0##-####-####"),
        sentences=(
            "新しい製品の見本をお送りします。",
            "会議は金曜日の午後三時から始まります。",
            "ご注文の品は明日の朝に届きます。",
            "この書類に名前と住所を書いてください。",
            "駅から歩いて五分のところにあります。",
            "パソコンとプリンターの電源を切る。",
            "春の花が咲き、町は明るくなった。",
            "資料の締め切りは十月二十七日です。",
        ),
    ),
    "korean": Script(
        language="kor",
        package="tesseract-ocr-kor",
        fonts=(
            Font("NotoSansCJK-Regular.ttc", "Noto Sans CJK KR", _CJK),
            Font("NotoSerifCJK-Regular.ttc", "Noto Serif CJK KR", _CJK),
        ),
        people=("김민수", "이지영", "박성호", "최은경", "정현우", "한소라"),
        titles=("영업부장", "대표이사", "선임연구원", "기술개발팀장", "총무담당"),
        companies=("주식회사 북방광학", "푸른인쇄 주식회사", "동해정밀공업", "항구물류서비스"),
        addresses=("서울특별시 종로구 세종대로 ###", "부산광역시 해운대구 중앙로 ##", "대전광역시 유성구 대학로 ##"),
        contacts=("전화 ##-####-####", "휴대폰 0##-####-####"),
        sentences=(
            "새로운 제품의 견본을 보내 드립니다.",
            "회의는 금요일 오후 세 시에 시작합니다.",
            "주문하신 물건은 내일 아침에 도착합니다.",
            "이 서류에 이름과 주소를 써 주세요.",
            "역에서 걸어서 오 분 거리에 있습니다.",
            "봄꽃이 피고 거리가 밝아졌습니다.",
            "컴퓨터와 프린터의 전원을 꺼 주세요.",
            "자료 마감일은 시월 이십칠일입니다.",
        ),
    ),
}
"""By name."""
